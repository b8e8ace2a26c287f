namespace KvmAgent.Coordinator.Machines.Pods;

/// <summary>Why an instance cannot have a pod.</summary>
/// <param name="Reason">One word for programs.</param>
/// <param name="Message">For people: the field, its value, and the remedy.</param>
/// <param name="Permanent">Whether only another spec helps; else somebody may still make what is missing.</param>
internal sealed record PodProblem(string Reason, string Message, bool Permanent)
{
    public const string InvalidSpec = "InvalidSpec", ClaimNotFound = "FailedPvcNotFound";

    public static PodProblem Spec(string message) => new(InvalidSpec, message, Permanent: true);
}
