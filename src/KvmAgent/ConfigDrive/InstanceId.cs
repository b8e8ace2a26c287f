using System.Buffers.Binary;
using KvmAgent.Settings;

namespace KvmAgent.ConfigDrive;

/// <summary>
/// The id by which cloud-init tells a new machine from a restarted one: it must stay over restarts, or SSH host keys are made anew,
/// and differ between two machines. Hence it comes from what names the VM, not from chance.
/// </summary>
internal static class InstanceId
{
    /// <summary>A UUID of version 8 (RFC 9562), which leaves its other bits to us: those of <see cref="VmIdentity"/>.</summary>
    public static Guid FromIdentity(string vmNamespace, string name)
    {
        var bytes = new byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, VmIdentity.Hash(vmNamespace, name));
        bytes[6] = (byte)((bytes[6] & 0x0F) | 0x80);
        bytes[8] = (byte)((bytes[8] & 0x3F) | 0x80);
        return new Guid(bytes, bigEndian: true);
    }
}
