using KvmAgent.Qemu;
using KvmAgent.Settings;
using KvmAgent.Tests.Support;

namespace KvmAgent.Tests.Qemu;

public sealed class AcceleratorChoiceTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Software_is_taken_where_it_is_asked_for_whatever_is_there() =>
        AcceleratorChoice.Decide(Accelerator.Tcg, "/dev/kvm").ShouldSatisfyAllConditions(c => c.Name.ShouldBe("tcg"), c => c.Reason.ShouldBe("VM_ACCEL=tcg"));

    [Fact]
    public void Without_a_device_auto_is_software_and_kvm_an_error_with_the_ways_out()
    {
        var device = _directory.At("kvm");

        AcceleratorChoice.Decide(Accelerator.Auto, device).ShouldSatisfyAllConditions(
            c => c.Name.ShouldBe("tcg"),
            c => c.Reason.ShouldBe($"no KVM: {device} is not there"),
            c => c.Groups.ShouldBeEmpty());
        Should.Throw<AgentException>(() => AcceleratorChoice.Decide(Accelerator.Kvm, device)).ShouldSatisfyAllConditions(
            e => e.Reason.ShouldBe(FailureReason.Missing),
            e => e.Message.ShouldBe(
                $"VM_ACCEL=\"kvm\": {device} is not there; give the pod the device (a device plugin's resource, or privileged), or set VM_ACCEL to auto or tcg"));
    }

    [Theory]
    [InlineData("/dev/null")]
    [InlineData("/etc/passwd")]
    public void A_device_that_does_not_speak_kvm_is_none(string device) =>
        AcceleratorChoice.Decide(Accelerator.Auto, device).Reason.ShouldBe($"no KVM: {device} does not speak KVM");

    [Fact]
    public void A_device_that_cannot_be_opened_is_none()
    {
        // A socket's file is there and opens for nobody.
        var path = _directory.At("kvm");
        using var socket = new System.Net.Sockets.Socket(System.Net.Sockets.AddressFamily.Unix, System.Net.Sockets.SocketType.Stream, 0);
        socket.Bind(new System.Net.Sockets.UnixDomainSocketEndPoint(path));

        AcceleratorChoice.Decide(Accelerator.Auto, path).Reason.ShouldStartWith($"no KVM: {path} cannot be opened: ");
    }
}
