namespace KvmAgent.Kubernetes;

/// <summary>A plugin's credential, kept until it expires or the server refuses it. The plugin runs once for all who wait, also if some stop waiting.</summary>
/// <param name="certificate">The user's own, where the plugin gives none.</param>
internal sealed class ExecCredentials(ExecPlugin plugin, ClientCertificate? certificate) : Credentials
{
    private readonly Lock _gate = new();
    private Task<(Credential Credential, DateTimeOffset? Expires)>? _current;

    public override async ValueTask<Credential> CurrentAsync(TimeProvider time, CancellationToken ct)
    {
        Task<(Credential, DateTimeOffset?)> current;
        lock (_gate)
        {
            if (_current is null || IsOver(_current, time))
            {
                _current = RunAsync(time);
            }

            current = _current;
        }

        return (await current.WaitAsync(ct).ConfigureAwait(false)).Item1;
    }

    public override bool Refused(Credential credential)
    {
        lock (_gate)
        {
            // Another request may have had a new one made already.
            if (_current is { IsCompletedSuccessfully: true } && ReferenceEquals(_current.Result.Credential, credential))
            {
                _current = null;
            }
        }

        return true;
    }

    private static bool IsOver(Task<(Credential Credential, DateTimeOffset? Expires)> task, TimeProvider time) =>
        task.IsCompleted && (!task.IsCompletedSuccessfully || task.Result.Expires <= time.GetUtcNow());

    private async Task<(Credential Credential, DateTimeOffset? Expires)> RunAsync(TimeProvider time)
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        var answer = await plugin.RunAsync(time).ConfigureAwait(false);
        return (new Credential(answer.Token is { } token ? $"Bearer {token}" : null, answer.Certificate ?? certificate), answer.Expires);
    }
}
