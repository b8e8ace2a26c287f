namespace KvmAgent.Images.Store;

/// <summary>
/// Waits while another process fetches, by looking at its claim. Clocks of different hosts are never compared: a claim is
/// stale when its content has not changed for <see cref="StoreTimings.StaleAfter"/> of our own time.
/// </summary>
internal sealed class ClaimWatch(StorePlace place, FetchMeter meter, TimeProvider time, StoreTimings timings)
{
    private string? _seen;
    private long _since;
    private TimeSpan _pause = timings.FirstLook;

    /// <summary>Looks once; returns at once if there is no claim (any more), else after a pause.</summary>
    public async Task LookAsync(CancellationToken ct)
    {
        var text = Claim.Read(place.Claim);
        if (text is null)
            return;
        if (text != _seen)
            (_seen, _since) = (text, time.GetTimestamp());
        else if (time.GetElapsedTime(_since) >= timings.StaleAfter)
        {
            TakeAway(place, text);
            return;
        }
        var state = ClaimState.Parse(text);
        meter.Waiting(state?.Bytes ?? 0, state?.Total, $"waiting for {Short(state?.Owner ?? "an unknown process")}");
        await Task.Delay(_pause, time, ct).ConfigureAwait(false);
        _pause = _pause * 2 < timings.LongestLook ? _pause * 2 : timings.LongestLook;
    }

    // Others may find the same claim stale at the same moment, and one of them may hold a fresh claim already when
    // we move the file away: then it is put back, and were a third one faster, that holder notices its loss.
    internal static void TakeAway(StorePlace place, string stale)
    {
        var away = place.Temporary(StorePlace.NewId(), "stale");
        try
        {
            // Overwriting is what makes .NET call rename(2); without, it links and unlinks, and the latter could hit a fresh claim.
            File.Move(place.Claim, away, overwrite: true);
            if (Claim.Read(away) is { } text && text != stale)
                Publication.Appear(away, place.Claim);
            File.Delete(away);
        }
        catch (FileNotFoundException)
        {
            // Somebody else took it away.
        }
    }

    private static string Short(string owner) => owner.Length <= 80 ? owner : owner[..80];
}
