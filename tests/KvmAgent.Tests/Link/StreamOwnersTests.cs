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

    [Fact]
    public void Streams_of_one_session_are_one_clients()
    {
        var (ours, theirs) = (Polite with { Kind = StreamKinds.Spice, Session = "a" }, Polite with { Kind = StreamKinds.Spice, Session = "b" });
        using Owned first = new(_owners.Reserve(ours)!), second = new(_owners.Reserve(ours)!);
        second.Owner.TakeOver();
        first.IsLost.ShouldBeFalse();
        Should.Throw<JsonRpcException>(() => _owners.Demand(theirs)).Code.ShouldBe(LinkErrors.Busy);
        _owners.Reserve(theirs).ShouldBeNull();
        Should.Throw<JsonRpcException>(() => _owners.Demand(theirs with { Session = null })).Code.ShouldBe(LinkErrors.Busy);

        using var other = new Owned(_owners.Reserve(theirs with { Preserve = false })!);
        other.Owner.TakeOver();
        (first.IsLost, second.IsLost, other.IsLost).ShouldBe((true, true, false));
    }

    private sealed record Owned(StreamOwners.Owner Owner) : IDisposable
    {
        public bool IsLost => Owner.Lost.IsCancellationRequested;

        public void Dispose() => Owner.Dispose();
    }
}
