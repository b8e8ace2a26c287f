using System.Text;

namespace KvmAgent.Images.Store;

/// <summary>
/// The right to fetch, as a file that comes into being at once or not at all (link(2), which network file systems keep
/// atomic where they do not forward flock). Its holder rewrites it with a growing beat; the content never depends on
/// any clock. A holder that finds another's claim in its place has been given up for dead: <see cref="Lost"/>.
/// The claim only saves work. Were two to hold it, both would fetch and one would publish.
/// </summary>
internal sealed class Claim : IAsyncDisposable
{
    private readonly StorePlace _place;
    private readonly FetchMeter _meter;
    private readonly CancellationTokenSource _lost = new();
    private readonly CancellationTokenSource _end = new();
    private readonly Task _beating;

    private Claim(StorePlace place, string id, FetchMeter meter, TimeProvider time, StoreTimings timings)
    {
        (_place, Id, _meter) = (place, id, meter);
        _beating = BeatAsync(time, timings.Beat);
    }

    public string Id { get; }

    public CancellationToken Lost => _lost.Token;

    /// <summary>Takes the claim if nobody has it.</summary>
    public static Claim? TryTake(StorePlace place, FetchMeter meter, TimeProvider time, StoreTimings timings)
    {
        // Waiting ones come by often: they shall not write each time.
        if (File.Exists(place.Claim))
            return null;
        var id = StorePlace.NewId();
        var temporary = WriteTemporary(place, State(id, 0, meter));
        try
        {
            // A reply lost on the network can turn our own success into "exists": what counts is whose claim is there.
            var result = Publication.Appear(temporary, place.Claim);
            return result == Appeared.Yes || ReadState(place)?.Id == id ? new Claim(place, id, meter, time, timings) : null;
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    /// <summary>The claim file's text, or null if there is none.</summary>
    public static string? Read(string path)
    {
        try
        {
            using var file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            Span<byte> buffer = stackalloc byte[4096];
            return Encoding.UTF8.GetString(buffer[..RandomAccess.Read(file, buffer, 0)]);
        }
        catch (FileNotFoundException)
        {
            return null;
        }
        catch (IOException e) when (e.HResult == Libc.Stale)
        {
            // NFS: a beat replaced the file between opening and reading; whoever did that lives.
            return "";
        }
    }

    /// <summary>Stops beating and, if it is still ours, gives the claim back.</summary>
    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync().ConfigureAwait(false);
        await _beating.ConfigureAwait(false);
        try
        {
            if (ReadState(_place)?.Id == Id)
                File.Delete(_place.Claim);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It goes stale; the outcome of the fetch is what the caller must hear.
        }
        _end.Dispose();
        _lost.Dispose();
    }

    private async Task BeatAsync(TimeProvider time, TimeSpan every)
    {
        using var timer = new PeriodicTimer(every, time);
        for (var beat = 1L; await WaitAsync(timer).ConfigureAwait(false); beat++)
        {
            try
            {
                if (ReadState(_place)?.Id != Id)
                {
                    await _lost.CancelAsync().ConfigureAwait(false);
                    return;
                }
                Replace(State(Id, beat, _meter));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // A full or hanging volume hinders the fetch as well, and there it is reported. Missing a beat is
                // harmless: at worst another takes over.
            }
        }
    }

    private void Replace(ClaimState state)
    {
        var temporary = WriteTemporary(_place, state);
        try
        {
            File.Move(temporary, _place.Claim, overwrite: true);
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    private async Task<bool> WaitAsync(PeriodicTimer timer)
    {
        try
        {
            return await timer.WaitForNextTickAsync(_end.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    private static ClaimState? ReadState(StorePlace place) => Read(place.Claim) is { } text ? ClaimState.Parse(text) : null;

    private static ClaimState State(string id, long beat, FetchMeter meter) =>
        new(id, $"{Environment.MachineName}:{Environment.ProcessId}", beat, meter.Bytes, meter.Total);

    private static string WriteTemporary(StorePlace place, ClaimState state)
    {
        var temporary = place.Temporary(StorePlace.NewId(), "claim");
        try
        {
            using var file = File.OpenHandle(temporary, FileMode.CreateNew, FileAccess.Write);
            RandomAccess.Write(file, state.ToBytes(), 0);
            return temporary;
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }
}
