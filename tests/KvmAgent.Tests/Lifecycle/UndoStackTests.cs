using KvmAgent.Lifecycle;
using Microsoft.Extensions.Logging.Abstractions;

namespace KvmAgent.Tests.Lifecycle;

public sealed class UndoStackTests
{
    private readonly UndoStack _undo = new(NullLogger<UndoStack>.Instance);
    private readonly List<string> _undone = [];

    [Fact]
    public async Task All_is_undone_in_reverse_whatever_of_it_fails_and_once_only()
    {
        Push("locks");
        _undo.Push("broken", () => throw new IOException("gone"));
        Push("network");
        _undo.Push("denied", () => Task.FromException(new UnauthorizedAccessException("no")));
        _undo.Push("refused", () => throw new AgentException(FailureReason.Missing, "nft"));
        Push("drive");

        await _undo.UndoAsync();
        await _undo.UndoAsync();

        _undone.ShouldBe(["drive", "network", "locks"]);
    }

    [Fact]
    public async Task What_a_step_adds_while_it_is_undone_is_undone_too()
    {
        Push("first");
        _undo.Push("second", () => Push("late"));

        await _undo.UndoAsync();

        _undone.ShouldBe(["late", "first"]);
    }

    [Fact]
    public async Task Steps_may_come_from_many_sides_at_once()
    {
        await Task.WhenAll(Enumerable.Range(0, 200).Select(i => Task.Run(() => Push($"{i}"))));

        await _undo.UndoAsync();

        _undone.Select(int.Parse).Order().ShouldBe(Enumerable.Range(0, 200));
    }

    private void Push(string what) => _undo.Push(what, () => _undone.Add(what));
}
