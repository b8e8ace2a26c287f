using System.Security.Cryptography;
using System.Text.Json;
using KvmAgent.Contracts;
using KvmAgent.Contracts.Link;
using KvmAgent.Images;
using KvmAgent.Link;
using KvmAgent.Settings;
using KvmAgent.Status;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Import;

/// <summary>Tells the coordinator how far an import is, when that has changed and not more often than it can be read. Nothing depends on it.</summary>
internal sealed partial class ImportReport : IProgress<FetchProgress>, IAsyncDisposable
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(2), Limit = TimeSpan.FromSeconds(10);

    private readonly LinkSettings _link;
    private readonly IProgress<FetchProgress> _next;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _end = new();
    private readonly Lock _gate = new();
    private readonly OverallPercent _percent = new();
    private readonly Task _telling;
    private volatile int _now;

    private ImportReport(LinkSettings link, IProgress<FetchProgress> next, TimeProvider time, ILogger log)
    {
        (_link, _next, _time, _log) = (link, next, time, log);
        _telling = Task.Run(TellAsync);
    }

    /// <param name="link">Where the coordinator is.</param>
    /// <param name="next">Told too.</param>
    public static ImportReport Begin(LinkSettings link, IProgress<FetchProgress> next, TimeProvider time, ILogger<ImportReport> log) => new(link, next, time, log);

    public void Report(FetchProgress value)
    {
        _next.Report(value);
        lock (_gate)
        {
            _now = _percent.At(value);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync().ConfigureAwait(false);
        await _telling.ConfigureAwait(false);
        _end.Dispose();
    }

    private async Task TellAsync()
    {
        var (told, failed) = (-1, false);
        while (!_end.IsCancellationRequested)
        {
            if (_now is var now && now != told)
            {
                try
                {
                    await PostAsync(now).ConfigureAwait(false);
                    (told, failed) = (now, false);
                }
                catch (Exception e) when (e is HttpRequestException or IOException or UnauthorizedAccessException or CryptographicException or OperationCanceledException)
                {
                    if (!failed && !_end.IsCancellationRequested)
                    {
                        LogFailed(_link.Url!, e is OperationCanceledException ? $"no answer within {Limit.TotalSeconds:0} s" : e.Message);
                    }

                    failed = true;
                }
            }

            await Task.Delay(Every, _time, _end.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>By a connection of its own: any replica will do, and they come and go.</summary>
    private async Task PostAsync(int percent)
    {
        using var client = new HttpClient(LinkHttp.Handler(_link, null));
        using var limit = new CancellationTokenSource(Limit, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, _end.Token);
        using var request = await LinkHttp.RequestAsync(_link, HttpMethod.Post, ImporterProtocol.ProgressPath, either.Token).ConfigureAwait(false);
        request.Content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(new ImportProgress(percent), ContractsJson.Default.ImportProgress));
        using var answer = await client.SendAsync(request, either.Token).ConfigureAwait(false);
        answer.EnsureSuccessStatusCode();
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "the coordinator at {Url} cannot be told how far the import is, it is tried again: {Error}")]
    private partial void LogFailed(Uri url, string error);
}
