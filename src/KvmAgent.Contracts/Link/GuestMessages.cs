namespace KvmAgent.Contracts.Link;

/// <summary>What the guest's agent says of the guest; every text comes from the guest and is trusted in nothing.</summary>
/// <param name="AgentVersion">The guest agent's.</param>
/// <param name="Commands">That it knows and permits.</param>
/// <param name="FreezeStatus"><c>thawed</c> or <c>frozen</c>.</param>
public sealed record GuestInfo(
    string AgentVersion,
    IReadOnlyList<string> Commands,
    string? HostName,
    GuestOsInfo? Os,
    string? TimeZone,
    IReadOnlyList<GuestInterface> Interfaces,
    string? FreezeStatus);

/// <summary>As os-release(5) has it; <paramref name="Id"/> is <c>mswindows</c> on Windows.</summary>
public sealed record GuestOsInfo(
    string? Id, string? Name, string? PrettyName, string? Version, string? VersionId, string? KernelRelease, string? KernelVersion, string? Machine);

/// <summary>Who is logged in.</summary>
/// <param name="Domain">Of Windows.</param>
/// <param name="LoginTime">In Unix time.</param>
public sealed record GuestUser(string Name, string? Domain, double LoginTime);

/// <param name="Name">Of the device in the guest.</param>
/// <param name="Disks">On which it lies.</param>
public sealed record GuestFilesystem(
    string Name, string MountPoint, string Type, long? UsedBytes, long? TotalBytes, IReadOnlyList<GuestFilesystemDisk> Disks);

public sealed record GuestFilesystemDisk(string BusType, string? Serial, string? Device);
