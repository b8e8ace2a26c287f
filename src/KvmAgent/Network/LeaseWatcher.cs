namespace KvmAgent.Network;

/// <summary>Tells of the guest's leases as dnsmasq writes them, woken by inotify.</summary>
internal sealed class LeaseWatcher : IDisposable
{
    private readonly Lock _gate = new();
    private readonly string _file;
    private readonly Action<IReadOnlyList<DhcpLease>> _changed;
    private readonly FileSystemWatcher _watcher;
    private IReadOnlyList<DhcpLease> _leases = [];

    /// <param name="file">dnsmasq's lease file, there or not yet.</param>
    /// <param name="changed">Called with all leases whenever they are others than before, from another thread, one call at a time.</param>
    public LeaseWatcher(string file, Action<IReadOnlyList<DhcpLease>> changed)
    {
        (_file, _changed) = (file, changed);
        _watcher = new FileSystemWatcher(Path.GetDirectoryName(file)!, Path.GetFileName(file))
        {
            NotifyFilter = NotifyFilters.LastWrite | NotifyFilters.FileName,
        };
        _watcher.Changed += (_, _) => Look();
        _watcher.Created += (_, _) => Look();
        _watcher.Renamed += (_, _) => Look();
        _watcher.Error += (_, _) => Look(); // events were lost: the file has the truth
        _watcher.EnableRaisingEvents = true;
        Look();
    }

    public void Dispose() => _watcher.Dispose();

    private void Look()
    {
        lock (_gate)
        {
            if (Read() is { } text && DhcpLease.ParseFile(text) is var leases && !leases.SequenceEqual(_leases))
            {
                _leases = leases;
                _changed(leases);
            }
        }
    }

    private string? Read()
    {
        try
        {
            return File.ReadAllText(_file);
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }
}
