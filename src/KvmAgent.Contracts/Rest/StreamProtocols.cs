namespace KvmAgent.Contracts.Rest;

/// <summary>The sub-protocols of WebSockets that are a machine's streams.</summary>
public static class StreamProtocols
{
    /// <summary>KubeVirt's: frames are the bytes.</summary>
    public const string Plain = "plain.kubevirt.io";

    /// <summary>The same, as browsers' SPICE clients call it.</summary>
    public const string Binary = "binary";
}
