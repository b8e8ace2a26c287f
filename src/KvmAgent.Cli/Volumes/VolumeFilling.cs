using KvmAgent.Cli.Management;
using KvmAgent.Cli.Output;
using KvmAgent.Contracts.Rest;

namespace KvmAgent.Cli.Volumes;

/// <summary>A volume that is being filled, watched until it is as wanted.</summary>
internal sealed class VolumeFilling(ManagementClient client, string ns, string name, string? provider, ProgressBar bar, TimeProvider time)
{
    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(1);

    public string Id => $"{ns}/{name}";

    public Task<VolumeSummary> LookAsync(CancellationToken cancel) => client.GetAsync(
        $"/kubevirt/volumes/{Uri.EscapeDataString(ns)}/{Uri.EscapeDataString(name)}{QueryText.Of(("provider", provider))}", RestJson.Default.VolumeSummary, cancel);

    /// <summary>Until it has all of the image.</summary>
    /// <exception cref="CliException">It fails, or waits for a machine.</exception>
    public Task FilledAsync(CancellationToken cancel) => UntilAsync(static volume => volume.Phase == VolumePhases.Succeeded, cancel);

    /// <summary>Until somebody waits for what is sent, or all of it is there already.</summary>
    /// <exception cref="CliException">Likewise.</exception>
    public Task<VolumeSummary> ReadyAsync(CancellationToken cancel) => UntilAsync(static volume => volume.Phase is VolumePhases.UploadReady or VolumePhases.Succeeded, cancel);

    private async Task<VolumeSummary> UntilAsync(Func<VolumeSummary, bool> holds, CancellationToken cancel)
    {
        try
        {
            while (true)
            {
                var volume = await LookAsync(cancel).ConfigureAwait(false);
                if (holds(volume))
                {
                    return volume;
                }

                var why = volume.Message is null ? "" : $": {volume.Message}";
                switch (volume.Phase)
                {
                    case VolumePhases.Failed:
                        throw new CliException(ExitCodes.Data, $"{volume.Id} is not filled{why}");
                    case VolumePhases.WaitForFirstConsumer:
                        throw new CliException(ExitCodes.TryAgain, $"{volume.Id} is filled when a machine uses it{why}");
                }

                bar.Show($"{volume.Id} {volume.Phase}{why}", volume.Percent);
                await Task.Delay(LookAgain, time, cancel).ConfigureAwait(false);
            }
        }
        finally
        {
            bar.Clear();
        }
    }
}
