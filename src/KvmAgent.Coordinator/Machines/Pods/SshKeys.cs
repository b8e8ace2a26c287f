using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Api;

namespace KvmAgent.Coordinator.Machines.Pods;

/// <summary>SSH keys of accessCredentials: their Secrets are mounted, and the agent puts each file in them into the config drive's metadata.</summary>
internal static class SshKeys
{
    public static void Add(PodParts parts, VmiSpec spec)
    {
        var directories = new JsonArray();
        foreach (var (index, credential) in (spec.AccessCredentials ?? []).Index())
        {
            if (credential.SshPublicKey is { PropagationMethod: null or { NoCloud: not null } or { ConfigDrive: not null }, Source.Secret: { } secret })
            {
                directories.Add(parts.MountSecret($"ssh-keys-{index}", secret.SecretName));
            }
        }

        if (directories.Count == 0)
        {
            return;
        }

        if ((string?)parts.ConfigDrive["format"] == "none")
        {
            parts.Problems.Add(PodProblem.Spec(
                "spec.accessCredentials has SSH keys, but there is no cloud-init volume to hand them over by; add a cloudInitNoCloud volume and its disk"));
            return;
        }

        parts.ConfigDrive["sshKeyDirs"] = string.Join(',', directories.Select(static d => (string?)d));
    }
}
