using KvmAgent.Tests.Support;

namespace KvmAgent.Tests.Settings;

public sealed class SettingSourceTests
{
    [Theory]
    [InlineData("VM_MEM0RY", "VM_MEM0RY is not a setting; did you mean VM_MEMORY?")]
    [InlineData("VM_CPU", "VM_CPU is not a setting; did you mean VM_CPUS?")]
    [InlineData("IMG_SRC", "IMG_SRC is not a setting; did you mean IMG_SOURCE?")]
    [InlineData("VM_PORT_8080_TCP_PROTO", "VM_PORT_8080_TCP_PROTO is not a setting")]
    public void A_name_that_looks_like_ours_and_is_none_is_a_warning_with_the_nearest_one(string name, string warning) =>
        Given.Read((name, "x")).Warnings.ShouldBe([warning]);

    [Fact]
    public void Names_of_others_are_none_of_our_business() =>
        Given.Read(("PATH", "/bin"), ("KUBERNETES_PORT", "443"), ("vm_memory", "1"), ("VMWARE", "1")).Warnings.ShouldBeEmpty();

    [Fact]
    public void Warnings_come_in_a_fixed_order() =>
        Given.Read(("VM_Z", ""), ("IMG_A", ""), ("VM_A", "")).Warnings.Select(w => w.Split(' ')[0]).ShouldBe(["IMG_A", "VM_A", "VM_Z"]);

    /// <summary>A chart renders a variable for each of its values.</summary>
    [Fact]
    public void An_empty_variable_counts_as_not_set() => Given.Settings(("VM_MEMORY", ""), ("NO_VNC", ""), ("VM_NAME", "")).ShouldSatisfyAllConditions(
        s => s.Machine.MemoryBytes.ShouldBe(1L << 30),
        s => s.Network.Vnc.ShouldBeTrue(),
        s => s.Name.ShouldBe("web-1"));
}
