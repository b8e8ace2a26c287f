using System.Security.Cryptography;
using System.Text;
using KvmAgent.Kubernetes.Core;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Imports.Clones;

/// <summary>
/// By what the two pods of a clone know each other (TLS-PSK): the same for the same claim at each replica, so that none has to be read back.
/// </summary>
/// <param name="secret">Known to the coordinator's replicas alone.</param>
internal sealed class CloneKeys(byte[] secret)
{
    /// <summary>Of the pod: its Secret, which it names before it is there.</summary>
    public const string Annotation = "kvmagent.io/clone-key";

    private const string User = "clone", File = "keys.psk";

    /// <summary>No two pods have one of the same name: a former pod's goes when the garbage collector comes to it.</summary>
    public static string NewName() => $"clone-key-{RandomNumberGenerator.GetHexString(10, lowercase: true)}";

    /// <param name="pod">Either of the two; the Secret goes with it.</param>
    /// <param name="claimUid">Of the claim that is filled.</param>
    public Secret Create(Pod pod, string claimUid) => new()
    {
        Metadata = new ObjectMeta
        {
            Name = pod.Metadata.Annotation(Annotation),
            Namespace = pod.Metadata.Namespace,
            Labels = new Dictionary<string, string> { [ImportAnnotations.AppLabel] = ImportAnnotations.App },
            OwnerReferences = [CoreKinds.Pods.OwnerOf(pod) with { BlockOwnerDeletion = false }],
        },
        Type = "Opaque",
        Data = new Dictionary<string, byte[]> { [File] = Encoding.ASCII.GetBytes($"{User}:{Convert.ToHexStringLower(HMACSHA256.HashData(secret, Encoding.UTF8.GetBytes($"clone {claimUid}")))}\n") },
    };
}
