using System.Buffers;
using System.Text;
using System.Threading.Channels;

namespace KvmAgent.TestSupport.Api;

/// <summary>One watch: changes that match are queued under the world's lock, and written by the request that watches.</summary>
internal sealed class Watcher(ServedVersion version, string? ns, Selector selector)
{
    private static readonly byte[] End = "}\n"u8.ToArray();

    private readonly Channel<Event> _events = Channel.CreateUnbounded<Event>(new UnboundedChannelOptions { SingleReader = true });

    public bool Bookmarks { get; init; }

    public ChannelReader<Event> Events => _events.Reader;

    public void Offer(Change change)
    {
        if (ns is not null && change.Object.Namespace != ns)
        {
            return;
        }

        var now = change.Kind != ChangeKind.Deleted && selector.Matches(change.Object);
        var before = change.Before is not null && selector.Matches(change.Before);
        if (now)
        {
            Send(before ? "MODIFIED" : "ADDED", change.Object);
        }
        else if (before)
        {
            Send("DELETED", change.Left);
        }
    }

    public void OfferInitial(Stored stored)
    {
        if (selector.Matches(stored))
        {
            Send("ADDED", stored);
        }
    }

    public void SendBookmark(long at, bool initialEnd = false)
    {
        var annotations = initialEnd ? ",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}" : "";
        var rest = $"\"metadata\":{{\"creationTimestamp\":null,\"resourceVersion\":\"{at}\"{annotations}}}}}";
        _events.Writer.TryWrite(new Event("BOOKMARK", version.Prefix, Encoding.UTF8.GetBytes(rest)));
    }

    public void Fail(ApiError error)
    {
        _events.Writer.TryWrite(new Event("ERROR", [], error.ToStatus().Bytes()));
        Close();
    }

    public void Close() => _events.Writer.TryComplete();

    private void Send(string type, Stored stored) => _events.Writer.TryWrite(new Event(type, version.Prefix, stored.AfterBrace));

    internal readonly record struct Event(string Type, byte[] Prefix, ReadOnlyMemory<byte> Rest)
    {
        public void Write(IBufferWriter<byte> writer)
        {
            writer.Write(Encoding.ASCII.GetBytes($"{{\"type\":\"{Type}\",\"object\":"));
            writer.Write(Prefix);
            writer.Write(Rest.Span);
            writer.Write(End);
        }
    }
}
