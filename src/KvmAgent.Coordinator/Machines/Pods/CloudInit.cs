using System.Text;
using KvmAgent.Coordinator.Api;

namespace KvmAgent.Coordinator.Machines.Pods;

/// <summary>
/// The cloud-init volume becomes the agent's config drive. What stands in the instance's spec goes into its ConfigMap; what lies in
/// Secrets is mounted, and never read here.
/// </summary>
internal static class CloudInit
{
    public static void Add(PodParts parts, VmVolume volume, string field)
    {
        var (format, data) = volume.CloudInitNoCloud is { } noCloud ? ("nocloud", noCloud) : ("openstack", volume.CloudInitConfigDrive!);
        if ((string?)parts.ConfigDrive["format"] != "none")
        {
            parts.Problems.Add(PodProblem.Spec($"{field}: the guest has a cloud-init volume already; give it one"));
            return;
        }

        parts.ConfigDrive["format"] = format;
        Add(parts, "userdata", data.UserData, data.UserDataBase64, data.SecretRef, field);
        Add(parts, "networkdata", data.NetworkData, data.NetworkDataBase64, data.NetworkDataSecretRef, field);
    }

    private static void Add(PodParts parts, string name, string? text, string? base64, NameReference? secret, string field)
    {
        if (text is not null)
        {
            AddFile(parts, name, Encoding.UTF8.GetBytes(text));
        }
        else if (base64 is not null)
        {
            var bytes = new byte[base64.Length];
            if (Convert.TryFromBase64String(base64, bytes, out var length))
            {
                AddFile(parts, name, bytes[..length]);
            }
            else
            {
                parts.Problems.Add(PodProblem.Spec($"{field}: {name}Base64 is not base64; encode it with `base64 -w0`"));
            }
        }
        else if (secret is not null)
        {
            // A directory: the agent takes the file userdata or userData in it.
            parts.ConfigDrive[$"{name}File"] = parts.MountSecret($"cloud-init-{name}", secret.Name);
        }
    }

    private static void AddFile(PodParts parts, string name, byte[] content)
    {
        parts.Files[name] = content;
        parts.ConfigDrive[$"{name}File"] = $"{PodParts.ConfigDir}/{name}";
    }
}
