using System.Security.Cryptography;
using System.Text;

namespace KvmAgent.ConfigDrive;

/// <summary>
/// The id by which cloud-init tells a new machine from a restarted one: it must stay over restarts, or SSH host keys are made anew,
/// and differ between two machines. Hence it comes from what names the VM, not from chance.
/// </summary>
internal static class InstanceId
{
    /// <summary>A UUID of version 8 (RFC 9562): the SHA-256 of namespace and name.</summary>
    public static Guid FromIdentity(string vmNamespace, string name)
    {
        // A slash cannot be part of either, so no two pairs give one text.
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes($"kvm-agent/{vmNamespace}/{name}")).AsSpan(0, 16);
        hash[6] = (byte)((hash[6] & 0x0F) | 0x80);
        hash[8] = (byte)((hash[8] & 0x3F) | 0x80);
        return new Guid(hash, bigEndian: true);
    }
}
