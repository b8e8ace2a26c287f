using System.Text;

namespace KvmAgent.Settings;

/// <summary>What names a VM, as a number: the ids of its hardware come from it, and stay for as long as it keeps its name.</summary>
internal static class VmIdentity
{
    /// <summary>
    /// FNV-1a of 128 bits (RFC 9923) over namespace, slash and name. It tells VMs apart and keeps nothing secret, so an agent need
    /// not load OpenSSL (4 MiB of its own) to start a VM whose image is in place.
    /// </summary>
    public static UInt128 Hash(string vmNamespace, string name)
    {
        UInt128 prime = new(1 << 24, 0x13B);
        UInt128 hash = new(0x6C62272E07BB0142, 0x62B821756295C58D);
        // A slash cannot be part of either, so no two pairs give one text.
        foreach (var octet in Encoding.UTF8.GetBytes($"{vmNamespace}/{name}"))
        {
            hash = unchecked((hash ^ octet) * prime);
        }

        return hash;
    }
}
