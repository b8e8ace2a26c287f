namespace KvmAgent.TestSupport.Api;

/// <summary>What no well-behaved client sends. A test that provokes one takes it; the others fail when the server is disposed of.</summary>
internal sealed class Complaints
{
    private readonly Lock _gate = new();
    private List<string> _all = [];

    public void Add(string complaint)
    {
        lock (_gate)
        {
            _all.Add(complaint);
        }
    }

    public IReadOnlyList<string> Take()
    {
        lock (_gate)
        {
            var taken = _all;
            _all = [];
            return taken;
        }
    }
}
