using KvmAgent.Contracts.Link;
using KvmAgent.Link;

namespace KvmAgent.Tests.Link;

public sealed class StreamOwnersTests
{
    private static readonly OpenStreamRequest Console = new(new string('0', 32), StreamKinds.Console), Polite = Console with { Preserve = true };

    private readonly StreamOwners _owners = new();

    [Fact]
    public void Who_takes_over_ends_all_who_asked_before()
    {
        using Owned first = new(_owners.Reserve(Console)!), second = new(_owners.Reserve(Console)!), third = new(_owners.Reserve(Console)!);
        second.Owner.TakeOver();
        (first.IsLost, second.IsLost, third.IsLost).ShouldBe((true, false, false));
        third.Owner.TakeOver();
        (second.IsLost, third.IsLost).ShouldBe((true, false));
    }

    [Fact]
    public void Whom_nobody_reaches_leaves_it_to_the_one_who_had_it()
    {
        using var first = new Owned(_owners.Reserve(Console)!);
        _owners.Reserve(Console)!.Dispose();
        first.IsLost.ShouldBeFalse();
        Should.Throw<JsonRpcException>(() => _owners.Demand(Polite)).Code.ShouldBe(LinkErrors.Busy);
        _owners.Reserve(Polite).ShouldBeNull();
        using var third = new Owned(_owners.Reserve(Console)!);
        third.Owner.TakeOver();
        first.IsLost.ShouldBeTrue();
    }

    [Fact]
    public void What_nobody_has_any_more_is_free()
    {
        _owners.Reserve(Console)!.Dispose();
        _owners.Demand(Polite);
        using var owner = _owners.Reserve(Polite).ShouldNotBeNull();
    }

    [Fact]
    public void The_screen_is_not_the_console_and_ports_are_anybodys()
    {
        using var console = _owners.Reserve(Console);
        using var screen = _owners.Reserve(Polite with { Kind = StreamKinds.Vnc }).ShouldNotBeNull();
        using Owned one = new(_owners.Reserve(Polite with { Kind = StreamKinds.Port })!), other = new(_owners.Reserve(Polite with { Kind = StreamKinds.Port })!);
        other.Owner.TakeOver();
        one.IsLost.ShouldBeFalse();
    }

    private sealed record Owned(StreamOwners.Owner Owner) : IDisposable
    {
        public bool IsLost => Owner.Lost.IsCancellationRequested;

        public void Dispose() => Owner.Dispose();
    }
}
