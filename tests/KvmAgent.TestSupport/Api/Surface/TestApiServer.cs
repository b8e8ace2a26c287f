using System.Net;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.Logging;

namespace KvmAgent.TestSupport.Api;

/// <summary>
/// A Kubernetes API server for tests, in this process: faithful where controllers get hurt, loud about what it does not know. README.md
/// beside this file says what it does as the real one, and what not.
/// </summary>
public sealed partial class TestApiServer : IAsyncDisposable
{
    public const string AdminUser = "kubernetes-admin";

    private readonly World _world;
    private readonly Verbs _verbs;
    private readonly Users _users;
    private readonly Reviews _reviews;
    private readonly Watches _watches;
    private readonly Collector _collector;
    private readonly Aggregator _aggregator;
    private readonly PodLogs _logs = new();
    private readonly Complaints _complaints = new();
    private readonly Connections _connections;
    private readonly WebApplication _app;
    private readonly X509Certificate2? _certificate;

    private TestApiServer(TestApiServerOptions options)
    {
        _world = new World(options);
        _world.Changed += (type, change) => Changed?.Invoke(new ObjectChange(type.Group, type.Plural, change.Kind == ChangeKind.Deleted, change.Object.Json));
        var cel = new CelRules(options.CelRules);
        _verbs = new Verbs(_world, cel, new CustomResources(_world, cel));
        _users = new Users(_world);
        _reviews = new Reviews(_world, _users);
        _watches = new Watches(_world, options);
        _collector = new Collector(_world, _verbs, _complaints);
        _aggregator = new Aggregator(_world);
        Faults = new Faults(_world, _watches);
        _connections = new Connections(Faults);
        _certificate = options.Https ? Certificates.Make() : null;
        var resources = new Resources(_world, _verbs, new PodVerbs(_world, _verbs), new Lists(_world), _watches, _reviews, _logs, _complaints, options.AbsentGroups);
        var handler = new Handler(_world, _users, Faults, resources, _aggregator, Requests, _complaints, options.TimeProvider);
        _app = Build(handler.HandleAsync);
        _users.Add(Token, AdminUser, ["system:masters"], null);
    }

    public Uri Address { get; private set; } = null!;

    /// <summary>The bearer token of <see cref="AdminUser"/>.</summary>
    public string Token { get; } = $"admin-{Guid.NewGuid():N}";

    public Faults Faults { get; }

    public RequestLog Requests { get; } = new();

    /// <summary>How many watches are open.</summary>
    public int Watching => _watches.Count;

    /// <summary>PEM of the authority that a client has to trust; null without TLS.</summary>
    public string? CertificateAuthority => _certificate?.ExportCertificatePem();

    /// <summary>A kubeconfig file of <see cref="AdminUser"/>.</summary>
    public string Kubeconfig => KubeconfigOf(Token);

    public static async Task<TestApiServer> StartAsync(TestApiServerOptions? options = null)
    {
        options ??= new TestApiServerOptions();
        var server = new TestApiServer(options);
        await server._app.StartAsync();
        server.Address = new Uri(server._app.Urls.Single());
        foreach (var ns in options.Namespaces)
        {
            server.CreateNamespace(ns);
        }

        return server;
    }

    public string KubeconfigOf(string token)
    {
        var authority = CertificateAuthority is { } pem ? $"\n    certificate-authority-data: {Convert.ToBase64String(System.Text.Encoding.ASCII.GetBytes(pem))}" : "";
        return $"""
            apiVersion: v1
            kind: Config
            current-context: test
            clusters:
            - name: test
              cluster:
                server: {Address.GetLeftPart(UriPartial.Authority)}{authority}
            users:
            - name: test
              user:
                token: {token}
            contexts:
            - name: test
              context:
                cluster: test
                user: test
                namespace: default

            """;
    }

    /// <summary>Sends a bookmark to each watch that allows it.</summary>
    public void SendBookmarks() => _watches.SendBookmarks();

    /// <summary>Hands a group's requests on: its APIServices must be there, each with its Service and, sooner or later, the caBundle.</summary>
    /// <param name="backend">Where that Service is.</param>
    /// <param name="frontProxy">What is shown there, with its key.</param>
    public void Aggregate(string group, IPEndPoint backend, X509Certificate2 frontProxy) => _aggregator.Add(group, backend, frontProxy);

    /// <summary>Ends once the garbage collector has nothing left to do.</summary>
    public Task CollectedAsync() => _collector.SettledAsync();

    /// <summary>What no well-behaved client sends, so far; taken, it fails no test.</summary>
    public IReadOnlyList<string> TakeComplaints() => _complaints.Take();

    /// <exception cref="InvalidOperationException">There are complaints that the test did not take.</exception>
    public async ValueTask DisposeAsync()
    {
        _watches.CloseAll();
        _connections.AbortAll();
        await _app.StopAsync();
        await _app.DisposeAsync();
        await _collector.DisposeAsync();
        _watches.Dispose();
        _aggregator.Dispose();
        _certificate?.Dispose();
        if (_complaints.Take() is { Count: > 0 } complaints)
        {
            throw new InvalidOperationException(
                $"the API server got what no well-behaved client sends (a test that means to send it takes it by TakeComplaints):\n{string.Join("\n", complaints)}");
        }
    }

    private WebApplication Build(RequestDelegate handle)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelCore();
        if (_certificate is not null)
        {
            builder.WebHost.UseKestrelHttpsConfiguration();
        }

        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MinResponseDataRate = null;
            kestrel.Limits.MinRequestBodyDataRate = null;
            kestrel.Listen(IPAddress.Loopback, 0, listen =>
            {
                listen.Use(_connections.Guard);
                if (_certificate is not null)
                {
                    listen.Protocols = HttpProtocols.Http1AndHttp2;
                    listen.UseHttps(new HttpsConnectionAdapterOptions
                    {
                        ServerCertificate = _certificate,
                        ClientCertificateMode = ClientCertificateMode.AllowCertificate,
                        ClientCertificateValidation = static (_, _, _) => true,
                    });
                }
                else
                {
                    listen.Protocols = HttpProtocols.Http1;
                }
            });
        });
        var app = builder.Build();
        app.Run(handle);
        return app;
    }
}
