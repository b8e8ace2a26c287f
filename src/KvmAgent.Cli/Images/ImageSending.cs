using KvmAgent.Cli.Management;
using KvmAgent.Cli.Output;
using KvmAgent.Cli.Volumes;
using KvmAgent.Contracts.Rest;

namespace KvmAgent.Cli.Images;

/// <summary>
/// A file on its way into a volume, in parts: each is short enough for a slow line. When one breaks off it is asked how much is there, and gone on
/// from that; an importer waits five minutes for what comes next.
/// </summary>
internal sealed class ImageSending(ManagementClient client, VolumeFilling volume, FileInfo file, ProgressBar bar, TextWriter words, TimeProvider time)
{
    private const long PartLength = 32 << 20;

    /// <summary>So often in a row nothing of it may come through.</summary>
    private const int MostFailures = 8;

    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1), MostPause = TimeSpan.FromSeconds(30);

    private readonly string _path = $"/kubevirt/images/{volume.Id}/upload";
    private readonly (long Length, DateTime Changed) _file = (file.Length, file.LastWriteTimeUtc);

    /// <summary>Until all of it is there.</summary>
    /// <exception cref="CliException">It is not taken, or does not come through.</exception>
    public async Task RunAsync(CancellationToken cancel)
    {
        using var handle = File.OpenHandle(file.FullName);
        var (failures, reached) = (0, -1L);
        while (await OffsetAsync(cancel).ConfigureAwait(false) is { } offset && offset < _file.Length)
        {
            (failures, reached) = offset > reached ? (0, offset) : (failures, reached);
            DemandSame();
            try
            {
                using var part = new FilePart(handle, offset, Math.Min(PartLength, _file.Length - offset), Show);
                await client.SendPartAsync(_path, part, offset, _file.Length, cancel).ConfigureAwait(false);
            }
            catch (CliException e) when (e.ExitCode is ExitCodes.TryAgain or ExitCodes.Unavailable)
            {
                await WaitAsync(e, ++failures, cancel).ConfigureAwait(false);
            }
        }

        bar.Clear();
    }

    /// <returns>Null where all of it is there, or is not wanted any more: the volume says which.</returns>
    private async Task<long?> OffsetAsync(CancellationToken cancel)
    {
        for (var failures = 0; ;)
        {
            try
            {
                // Where nobody waits yet, or again, the volume says when; it says too where it is over.
                if ((await volume.ReadyAsync(cancel).ConfigureAwait(false)).Phase == VolumePhases.Succeeded)
                {
                    return null;
                }

                if (await client.OffsetAsync(_path, cancel).ConfigureAwait(false) is { } offset)
                {
                    return offset;
                }

                await Task.Delay(Pause, time, cancel).ConfigureAwait(false);
            }
            catch (CliException e) when (e.MayPass || e.ExitCode == ExitCodes.Unavailable)
            {
                await WaitAsync(e, ++failures, cancel).ConfigureAwait(false);
            }
        }
    }

    private async Task WaitAsync(CliException why, int failures, CancellationToken cancel)
    {
        bar.Clear();
        if (failures >= MostFailures)
        {
            throw new CliException(why.ExitCode, $"{why.Message}\n{volume.Id} has not all of {file.Name}; the same with --continue goes on", why);
        }

        await words.WriteLineAsync($"kvmctl: {Shown.Clean(why.Message)}; going on in a moment").ConfigureAwait(false);
        var pause = Pause * Math.Pow(2, failures - 1);
        await Task.Delay(pause < MostPause ? pause : MostPause, time, cancel).ConfigureAwait(false);
    }

    private void DemandSame()
    {
        file.Refresh();
        if (!file.Exists || (file.Length, file.LastWriteTimeUtc) != _file)
        {
            throw new CliException(ExitCodes.Data, $"{file.FullName} has changed while it was sent; delete volume {volume.Id}, and send it when it is complete");
        }
    }

    private void Show(long sent) => bar.Show($"{volume.Id} {Shown.Bytes(sent)} of {Shown.Bytes(_file.Length)}", 100.0 * sent / _file.Length);
}
