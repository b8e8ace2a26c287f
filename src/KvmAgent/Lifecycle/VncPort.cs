using System.Net;
using System.Net.Sockets;
using KvmAgent.Settings;

namespace KvmAgent.Lifecycle;

/// <summary>VNC's port must be free; QEMU would say so too, but later and less clearly.</summary>
internal static class VncPort
{
    public const int Number = 5900;

    /// <exception cref="AgentException">Somebody else has the port.</exception>
    public static void Check(VmSettings settings)
    {
        if (!settings.Network.Vnc)
        {
            return;
        }

        using var probe = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            probe.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
            probe.Bind(new IPEndPoint(IPAddress.Any, Number));
            probe.Listen();
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            throw new AgentException(
                FailureReason.Missing, $"TCP port {Number}, where VNC listens, is taken by another process of the pod; move that one, or set {Setting.NoVnc.Name}", e);
        }
    }
}
