using System.Net.Sockets;
using System.Text;
using KvmAgent.Status;

namespace KvmAgent.Tests.Status;

/// <summary>What a service manager is told.</summary>
public sealed class NotifySocketTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_manager_gets_one_datagram_for_each_call(bool isAbstract)
    {
        var directory = Directory.CreateTempSubdirectory("kvm-agent-");
        try
        {
            var path = isAbstract ? $"@{directory.Name}" : Path.Combine(directory.FullName, "notify");
            using var manager = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { ReceiveTimeout = 10_000 };
            manager.Bind(new UnixDomainSocketEndPoint(isAbstract ? '\0' + path[1..] : path));

            using var notify = NotifySocket.Open(path).ShouldNotBeNull();
            notify.Ready().ShouldBeTrue();
            notify.Status("web-1 is up\nREADY=0").ShouldBeTrue();
            notify.Stopping().ShouldBeTrue();

            Receive(manager).ShouldBe("READY=1");
            Receive(manager).ShouldBe("STATUS=web-1 is upREADY=0");
            Receive(manager).ShouldBe("STOPPING=1");
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("@")]
    [InlineData("vsock:2:1234")]
    public void Without_a_socket_there_is_nobody_to_tell(string? name) => NotifySocket.Open(name).ShouldBeNull();

    [Theory]
    [InlineData("/nonexistent/notify")]
    [InlineData("/0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678")]
    public void A_manager_that_cannot_be_reached_is_no_failure(string name)
    {
        using var notify = NotifySocket.Open(name).ShouldNotBeNull();

        notify.Ready().ShouldBeFalse();
    }

    private static string Receive(Socket socket)
    {
        var buffer = new byte[1024];
        return Encoding.UTF8.GetString(buffer, 0, socket.Receive(buffer));
    }
}
