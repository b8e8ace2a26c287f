using System.Text;
using KvmAgent.Kubernetes;
using KvmAgent.Kubernetes.Core;
using KvmAgent.Kubernetes.Resources;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Providers;

/// <summary>
/// Each provider in a Secret of the coordinator's own namespace, <c>kvm-provider-NAME</c> with the label <c>kvmagent.io/provider</c>, watched by each
/// replica. Whoever may write Secrets there may so make one, too.
/// </summary>
internal sealed class SecretProviders : IProviderStore
{
    public const string Prefix = "kvm-provider-", Label = "kvmagent.io/provider", Type = "kvmagent.io/provider";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly KubernetesClient _client;
    private readonly string _namespace;
    private readonly TimeProvider _time;
    private readonly Informer<Secret> _secrets;

    public SecretProviders(KubernetesClient client, string ns, TimeProvider time, ILogger log)
    {
        (_client, _namespace, _time) = (client, ns, time);
        _secrets = new Informer<Secret>(client, CoreKinds.Secrets, [ns], new() { LabelSelector = Label }, time, log);
        _secrets.Changed += _ => Changed?.Invoke();
    }

    public event Action? Changed;

    public Task Synced => _secrets.Synced;

    public Task RunAsync(CancellationToken stop) => _secrets.RunAsync(stop);

    public IReadOnlyList<StoredProvider> List() =>
    [
        .. _secrets.List().Where(static s => s.Metadata.Name!.StartsWith(Prefix, StringComparison.Ordinal))
            .Select(static s => new StoredProvider(NameOf(s), Read(s), null, s.Metadata.ResourceVersion!, s.Metadata.CreationTimestamp))
            .OrderBy(static p => p.Name, StringComparer.Ordinal),
    ];

    public async Task AddAsync(KeptProvider provider, CancellationToken cancel)
    {
        try
        {
            _secrets.Observe(await _client.CreateAsync(CoreKinds.Secrets, Write(provider, null), cancel).ConfigureAwait(false));
        }
        catch (KubernetesException e) when (e.IsAlreadyExists)
        {
            throw ProviderFailures.IsThere(provider.Name);
        }
    }

    public async Task ReplaceAsync(KeptProvider provider, string version, CancellationToken cancel)
    {
        var former = _secrets.Get(_namespace, Prefix + provider.Name);
        if (former?.Metadata.ResourceVersion != version)
        {
            throw ProviderFailures.ChangedMeanwhile(provider.Name);
        }

        try
        {
            _secrets.Observe(await _client.ReplaceAsync(CoreKinds.Secrets, Write(provider, former), null, cancel).ConfigureAwait(false));
        }
        catch (KubernetesException e) when (e.IsConflict || e.IsNotFound)
        {
            throw ProviderFailures.ChangedMeanwhile(provider.Name);
        }
    }

    public async Task RemoveAsync(string name, CancellationToken cancel)
    {
        var secret = _secrets.Get(_namespace, Prefix + name) ?? throw ProviderFailures.NotFound(name);
        await _client.DeleteIfThereAsync(CoreKinds.Secrets, _namespace, Prefix + name, new DeleteOptions { Uid = secret.Metadata.Uid }, cancel).ConfigureAwait(false);
        await GoneAsync(secret, cancel).ConfigureAwait(false);
    }

    /// <summary>The watch tells it, a moment later.</summary>
    private async Task GoneAsync(Secret secret, CancellationToken cancel)
    {
        var gone = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        void Look(InformerEvent<Secret>? e)
        {
            if (_secrets.Get(_namespace, secret.Metadata.Name!)?.Metadata.Uid != secret.Metadata.Uid)
            {
                gone.TrySetResult();
            }
        }

        _secrets.Changed += Look;
        try
        {
            Look(null);
            await gone.Task.WaitAsync(Patience, _time, cancel).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // It is deleted all the same, and the watch will say so.
        }
        finally
        {
            _secrets.Changed -= Look;
        }
    }

    private static string NameOf(Secret secret) => secret.Metadata.Name![Prefix.Length..];

    private static KeptProvider Read(Secret secret)
    {
        return new KeptProvider
        {
            Name = NameOf(secret),
            Kubeconfig = Text("kubeconfig"),
            Context = Text("context"),
            Server = Text("server"),
            CertificateAuthority = Text("ca.crt"),
            Token = Text("token"),
            ClientCertificate = Text("tls.crt"),
            ClientKey = Text("tls.key"),
            Username = Text("username"),
            Password = Text("password"),
            Namespace = Text("namespace"),
            StorageClass = Text("storageClass"),
            AllNamespaces = Text("allNamespaces") != "false",
        };

        string? Text(string key) => secret.Data?.GetValueOrDefault(key) is { Length: > 0 } bytes ? Encoding.UTF8.GetString(bytes) : null;
    }

    private Secret Write(KeptProvider provider, Secret? former)
    {
        (string Key, string? Value)[] all =
        [
            ("kubeconfig", provider.Kubeconfig), ("context", provider.Context), ("server", provider.Server), ("ca.crt", provider.CertificateAuthority),
            ("token", provider.Token), ("tls.crt", provider.ClientCertificate), ("tls.key", provider.ClientKey), ("username", provider.Username),
            ("password", provider.Password), ("namespace", provider.Namespace), ("storageClass", provider.StorageClass),
            ("allNamespaces", provider.AllNamespaces ? "true" : "false"),
        ];
        return new Secret
        {
            Metadata = former?.Metadata ?? new ObjectMeta { Name = Prefix + provider.Name, Namespace = _namespace, Labels = new Dictionary<string, string> { [Label] = "true" } },
            Type = former?.Type ?? Type,
            Data = all.Where(static e => e.Value is not null).ToDictionary(static e => e.Key, static e => Encoding.UTF8.GetBytes(e.Value!)),
            Unknown = former?.Unknown,
        };
    }
}
