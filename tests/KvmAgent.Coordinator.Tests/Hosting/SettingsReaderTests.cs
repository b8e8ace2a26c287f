using KvmAgent.Coordinator.Hosting;

namespace KvmAgent.Coordinator.Tests.Hosting;

public sealed class SettingsReaderTests
{
    [Fact]
    public void An_image_is_enough()
    {
        var settings = Read(("AGENT_IMAGE", "agent:1"));
        settings.Machines.AgentImage.ShouldBe("agent:1");
        settings.ListenAgents.ToString().ShouldBe("0.0.0.0:8443");
        settings.Namespace.ShouldBe("kvm-system");
        settings.Identity.ShouldBe("host");
        settings.WatchNamespaces.ShouldBeNull();
        settings.AgentUrl.ShouldBeNull();
    }

    [Fact]
    public void Everything_that_can_be_set_is_read()
    {
        var settings = Read(
            ("AGENT_IMAGE", "agent:1"), ("AGENT_URL", "https://agents.kvm-system.svc:8443/"), ("TLS_NAMES", "a.b.svc, c.d.svc"), ("HOST_DISK_PATHS", "/var/lib/vms"),
            ("VM_NODE_SELECTOR", "kvm=yes,zone=a"), ("AGENT_IMAGE_PULL_SECRETS", "one,two"), ("SYSCTL_IP_FORWARD", "true"), ("LISTEN_API", "[::1]:0"), ("LOG_FORMAT", "json"), ("WATCH_NAMESPACE", "shop, golden"));
        settings.WatchNamespaces.ShouldBe(["shop", "golden"]);
        Read(("AGENT_IMAGE", "agent:1"), ("WATCH_NAMESPACE", "all")).WatchNamespaces.ShouldBeNull();
        settings.AgentUrl.ShouldBe("https://agents.kvm-system.svc:8443");
        settings.TlsNames.ShouldBe(["agents.kvm-system.svc", "a.b.svc", "c.d.svc"]);
        settings.Machines.HostDiskPaths.ShouldBe(["/var/lib/vms"]);
        settings.Machines.NodeSelector.ShouldBe(new Dictionary<string, string> { ["kvm"] = "yes", ["zone"] = "a" });
        settings.Machines.ImagePullSecrets.ShouldBe(["one", "two"]);
        settings.Machines.SysctlForward.ShouldBeTrue();
        settings.ListenApi.ToString().ShouldBe("[::1]:0");
        settings.LogJson.ShouldBeTrue();
    }

    [Theory]
    [InlineData("AGENT_URL", "http://agents", "is no https URL")]
    [InlineData("AGENT_URL", "https://me:secret@agents", "is no https URL")]
    [InlineData("LISTEN_AGENTS", "8443", "is no address with a port")]
    [InlineData("LISTEN_API", "localhost:1", "is no address with a port")]
    [InlineData("LISTEN_MANAGEMENT", "8444", "is no address with a port")]
    [InlineData("LISTEN_HEALTH", "10.0.0.1", "is no address with a port")]
    [InlineData("HOST_DISK_PATHS", "vms", "is no full path")]
    [InlineData("HOST_DISK_PATHS", "/", "is no full path")]
    [InlineData("HOST_DISK_PATHS", "/var/../etc", "is no full path")]
    [InlineData("VM_NODE_SELECTOR", "kvm", "is no label")]
    [InlineData("AGENT_IMAGE_PULL_POLICY", "Sometimes", "give IfNotPresent or Always or Never")]
    [InlineData("SYSCTL_IP_FORWARD", "1", "give false or true")]
    [InlineData("DATABASE_FILE", "records.db", "is no full path")]
    [InlineData("DATABASE_CONNECTION_FILE", "uri", "is no full path")]
    [InlineData("LOG_LEVEL", "loud", "give debug or info")]
    public void What_is_wrong_is_told_with_its_name_value_and_remedy(string name, string value, string problem)
    {
        var error = Should.Throw<CoordinatorException>(() => Read(("AGENT_IMAGE", "agent:1"), (name, value)));
        error.ExitCode.ShouldBe(64);
        error.Message.ShouldStartWith($"{name}=\"");
        error.Message.ShouldContain(problem);
        error.Message.ShouldContain(";");
    }

    [Fact]
    public void There_is_one_database_at_most()
    {
        Should.Throw<CoordinatorException>(() => Read(("AGENT_IMAGE", "agent:1"), ("DATABASE_FILE", "/a.db"), ("DATABASE_CONNECTION_FILE", "/uri"))).Message
            .ShouldBe("DATABASE_CONNECTION_FILE=\"/uri\" and DATABASE_FILE=\"/a.db\" exclude one another; set one of them");
        (Read(("AGENT_IMAGE", "agent:1"), ("DATABASE_FILE", "/a.db")).DatabaseFile, Read(("AGENT_IMAGE", "agent:1")).DatabaseFile).ShouldBe(("/a.db", null));
    }

    [Fact]
    public void All_errors_are_told_at_once() =>
        Should.Throw<CoordinatorException>(() => Read(("LOG_LEVEL", "loud"), ("LISTEN_API", "x"))).Message.Split('\n').Length.ShouldBe(3);

    private static CoordinatorSettings Read(params (string Name, string Value)[] variables) =>
        SettingsReader.Read(variables.ToDictionary(static v => v.Name, static v => v.Value), "kvm-system", "host");
}
