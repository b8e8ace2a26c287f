using System.Buffers;
using System.IO.Pipelines;
using System.Net.Mime;
using System.Runtime.CompilerServices;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Kubernetes;

public sealed partial class KubernetesClient
{
    /// <summary>How long a server may take to end a watch as it was told to.</summary>
    private static readonly TimeSpan _watchGrace = TimeSpan.FromSeconds(30);

    /// <summary>
    /// One connection's events; ends when the server ends it. The beginning has the deadline of other requests, what follows has none but
    /// <see cref="WatchOptions.TimeoutSeconds"/>.
    /// </summary>
    /// <exception cref="KubernetesException">The server refuses, or sends an ERROR; <see cref="KubernetesException.IsGone"/>: list anew.</exception>
    /// <exception cref="HttpRequestException">There is no connection, or it broke.</exception>
    public async IAsyncEnumerable<WatchEvent<T>> WatchAsync<T>(
        ResourceKind<T> kind, string? ns, WatchOptions? options, [EnumeratorCancellation] CancellationToken ct = default)
        where T : class, IKubernetesObject
    {
        options ??= new WatchOptions();
        var query = new Query()
            .Add("watch", true)
            .Add("resourceVersion", options.ResourceVersion)
            .Add("labelSelector", options.LabelSelector)
            .Add("fieldSelector", options.FieldSelector)
            .Add("allowWatchBookmarks", options.AllowBookmarks)
            .Add("timeoutSeconds", options.TimeoutSeconds);
        var path = kind.Path(ns) + query;
        var request = $"WATCH /{path}";
        using var deadline = new CancellationTokenSource(_options.RequestTimeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, deadline.Token);
        using var response = await BeginAsync(request, path, MediaTypeNames.Application.Json, either.Token, ct).ConfigureAwait(false);
        var within = options.TimeoutSeconds is { } seconds ? TimeSpan.FromSeconds(seconds) + _watchGrace : Timeout.InfiniteTimeSpan;
        deadline.CancelAfter(within);

        var lines = PipeReader.Create(
            await response.Content.ReadAsStreamAsync(either.Token).ConfigureAwait(false), new StreamPipeReaderOptions(bufferSize: 16384));
        try
        {
            while (true)
            {
                WatchEvent<T>? next;
                try
                {
                    next = await NextEventAsync(kind, request, lines, either.Token).ConfigureAwait(false);
                }
                catch (Exception e) when (NoAnswer(request, e, within, ct) is { } failure)
                {
                    throw failure;
                }
                catch (KubernetesException e) when (e.Status.Message is { } said && Connection.Credentials.Hide(said) != said)
                {
                    throw new KubernetesException(request, e.Status with { Message = Connection.Credentials.Hide(said) });
                }

                if (next is null)
                {
                    yield break;
                }

                yield return next;
            }
        }
        finally
        {
            await lines.CompleteAsync().ConfigureAwait(false);
        }
    }

    /// <returns>Null at the end.</returns>
    private static async Task<WatchEvent<T>?> NextEventAsync<T>(ResourceKind<T> kind, string request, PipeReader lines, CancellationToken ct)
        where T : class, IKubernetesObject
    {
        while (true)
        {
            var read = await lines.ReadAsync(ct).ConfigureAwait(false);
            var buffer = read.Buffer;
            if (buffer.PositionOf((byte)'\n') is { } newline)
            {
                var parsed = WatchLine.Parse(kind, request, buffer.Slice(0, newline));
                lines.AdvanceTo(buffer.GetPosition(1, newline));
                if (parsed is not null)
                {
                    return parsed;
                }
            }
            else if (read.IsCompleted)
            {
                return buffer.IsEmpty ? null : throw new IOException("in the middle of an event");
            }
            else if (buffer.Length > MostObjectBytes)
            {
                throw new HttpRequestException(HttpRequestError.ConfigurationLimitExceeded, $"{request}: an event is longer than {MostObjectBytes >> 20} MiB");
            }
            else
            {
                lines.AdvanceTo(buffer.Start, buffer.End);
            }
        }
    }
}
