using KvmAgent.Coordinator.Alone;

namespace KvmAgent.Coordinator.Tests.Alone;

public sealed class AloneSettingsTests
{
    [Fact]
    public void Nothing_has_to_be_set()
    {
        var settings = AloneSettingsReader.Read(new Dictionary<string, string>(), isRoot: true);
        settings.DataDir.ShouldBe("/var/lib/kvm-coordinator");
        settings.ListenAgents.ToString().ShouldBe("127.0.0.1:8443");
        settings.ListenApi.ToString().ShouldBe("127.0.0.1:6443");
        settings.ListenHealth.ToString().ShouldBe("127.0.0.1:8080");
    }

    [Theory]
    [InlineData("/home/me", null, "/home/me/.local/state/kvm-coordinator")]
    [InlineData("/home/me", "/state", "/state/kvm-coordinator")]
    [InlineData("/home/me", "relative", "/home/me/.local/state/kvm-coordinator")]
    public void Where_a_user_keeps_it(string home, string? state, string expected) =>
        AloneSettingsReader.ReadDataDir(new Dictionary<string, string> { ["HOME"] = home, ["XDG_STATE_HOME"] = state ?? "" }, isRoot: false).ShouldBe(expected);

    [Theory]
    [InlineData("DATA_DIR", "vms", "is no full path")]
    [InlineData("LISTEN_AGENTS", "8443", "is no address with a port")]
    [InlineData("LISTEN_API", "localhost:1", "is no address with a port")]
    [InlineData("LISTEN_MANAGEMENT", "8444", "is no address with a port")]
    [InlineData("LISTEN_HEALTH", "10.0.0.1", "is no address with a port")]
    [InlineData("TLS_NAMES", "a b", "is neither a host's name nor an address")]
    [InlineData("LOG_LEVEL", "loud", "give debug or info")]
    public void What_is_wrong_is_told_with_its_name_value_and_remedy(string name, string value, string problem)
    {
        var error = Should.Throw<CoordinatorException>(() => AloneSettingsReader.Read(new Dictionary<string, string> { [name] = value }, isRoot: true));
        error.ExitCode.ShouldBe(64);
        error.Message.ShouldStartWith($"{name}=\"");
        error.Message.ShouldContain(problem);
        error.Message.ShouldContain(";");
    }

    [Fact]
    public void All_errors_are_told_at_once() => Should.Throw<CoordinatorException>(
            () => AloneSettingsReader.Read(new Dictionary<string, string> { ["LOG_LEVEL"] = "loud", ["LISTEN_API"] = "x" }, isRoot: false))
        .Message.Split('\n').Length.ShouldBe(3);
}
