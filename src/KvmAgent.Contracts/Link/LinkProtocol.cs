using System.Net.WebSockets;

namespace KvmAgent.Contracts.Link;

/// <summary>
/// What both ends of the link between an agent and a coordinator agree on. The agent dials a WebSocket at <see cref="LinkPath"/> with its
/// token as bearer; text frames carry JSON-RPC 2.0 both ways. For a stream the coordinator names an id, and the agent dials a second
/// WebSocket at <see cref="StreamPath"/>, whose binary frames are the stream's bytes.
///
/// Both ends pass over fields that they do not know; what one end does not know of is never required of the other. New methods are listed
/// in <see cref="LinkHello.Methods"/>; <see cref="Version"/> grows only where an old end would misunderstand a new one, and the lower counts.
/// </summary>
public static class LinkProtocol
{
    public const int Version = 1;

    public const string SubProtocol = "link.kvmagent.io";

    /// <summary>Below the coordinator's URL.</summary>
    public const string LinkPath = "/agents/v1/link";

    /// <summary>Below the coordinator's URL; the id follows.</summary>
    public const string StreamPath = "/agents/v1/streams/";

    /// <summary>In bytes: of one message of the link.</summary>
    public const int LongestMessage = 256 << 10;

    /// <summary>In bytes: of one frame of a stream that is sent; a datagram fits.</summary>
    public const int LongestFrame = 64 << 10;

    /// <summary>How a stream ends that another client has taken over.</summary>
    public const WebSocketCloseStatus TakenOver = WebSocketCloseStatus.PolicyViolation;

    /// <summary>In bytes.</summary>
    public const int LongestScreenshot = 16 << 20;

    /// <summary>How long a stream that was asked for is waited for.</summary>
    public static readonly TimeSpan StreamLimit = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Of streams: pings keep idle connections alive in proxies, and show dead ones. A link has its heartbeat and the answer to it, which
    /// do the same; with thousands of links pings beside them are most of an idle coordinator's work.
    /// </summary>
    public static readonly TimeSpan PingEvery = TimeSpan.FromSeconds(15), PongLimit = TimeSpan.FromSeconds(30);
}

/// <summary>What is asked over the link, by name.</summary>
public static class LinkMethods
{
    // Of the agent to the coordinator.
    public const string Hello = "hello", Status = "status", Transition = "transition", Enrolled = "enrolled";

    // Of the coordinator to the agent.
    public const string
        Pause = "pause", Unpause = "unpause", Shutdown = "shutdown", Reset = "reset", SoftReboot = "softreboot",
        GuestInfo = "guestInfo", UserList = "userList", FilesystemList = "filesystemList",
        Freeze = "freeze", Unfreeze = "unfreeze", Usage = "usage", OpenStream = "openStream";
}

/// <summary>Codes of errors: those of JSON-RPC 2.0, and of our own.</summary>
public static class LinkErrors
{
    public const int
        ParseError = -32700, InvalidRequest = -32600, MethodNotFound = -32601, InvalidParams = -32602, Internal = -32603,
        NotRunning = -32001, NoGuestAgent = -32002, TimedOut = -32003, Busy = -32004, NotSupported = -32005, Forbidden = -32006;
}
