namespace KvmAgent.Images.Fetch;

/// <summary>Runs network calls one after the other, each with a limit on its silence, and explains what goes wrong in them.</summary>
internal sealed class StallGuard : IDisposable
{
    private readonly TimeSpan _limit;
    private readonly CancellationTokenSource _silence;
    private readonly CancellationTokenSource _any;

    public StallGuard(TimeSpan limit, TimeProvider time, CancellationToken ct)
    {
        _limit = limit;
        _silence = new CancellationTokenSource(limit, time);
        _any = CancellationTokenSource.CreateLinkedTokenSource(_silence.Token, ct);
    }

    public async ValueTask<T> RunAsync<T>(Func<CancellationToken, ValueTask<T>> call, Uri at, bool begun, CancellationToken ct)
    {
        try
        {
            _silence.CancelAfter(_limit);
            return await call(_any.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            throw;
        }
        catch (OperationCanceledException e) when (_silence.IsCancellationRequested)
        {
            throw new PassingFault($"{at.Host} sent nothing for {_limit.TotalSeconds:0.#} s", e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
        {
            throw HttpFault.Explain(e, at, begun);
        }
    }

    public void Dispose()
    {
        _any.Dispose();
        _silence.Dispose();
    }
}
