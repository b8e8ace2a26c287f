namespace KvmAgent.HostTests.Containers;

/// <summary>A test that runs the coordinator's image, which <c>KVM_COORDINATOR_IMAGE</c> names.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class CoordinatorImageFactAttribute : FactAttribute
{
    public CoordinatorImageFactAttribute()
    {
        if (Name is not { Length: > 0 })
        {
            Skip = "KVM_COORDINATOR_IMAGE is not set; KVM_COORDINATOR_IMAGE=$(images/coordinator/build)";
        }
    }

    public static string? Name => Environment.GetEnvironmentVariable("KVM_COORDINATOR_IMAGE");
}
