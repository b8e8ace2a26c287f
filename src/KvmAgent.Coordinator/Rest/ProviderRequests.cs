using System.Text.RegularExpressions;
using KvmAgent.Contracts.Rest;
using KvmAgent.Coordinator.Providers;

namespace KvmAgent.Coordinator.Rest;

/// <summary>Makes what is kept of what is asked for. Errors name fields, and of their values those alone that are no secrets.</summary>
internal static partial class ProviderRequests
{
    private const string HyperSdkType = "kubevirt";

    /// <exception cref="CoordinatorException">There can be none of the name.</exception>
    public static string NameOf(string? name) => name is not null && Name().IsMatch(name) ? name
        : throw Wrong(name is null ? "name is missing; name a provider" : $"name=\"{name}\" is no provider's name; give lower-case letters, digits and '-', not more than 40");

    /// <exception cref="CoordinatorException">Likewise, or it is the own cluster's.</exception>
    public static string OtherNameOf(string? name) => NameOf(name) is var given && given != Provider.Own ? given
        : throw Wrong($"name=\"{Provider.Own}\" is the coordinator's own cluster, which is always there as it is; give another name");

    /// <summary>One that is added.</summary>
    /// <exception cref="CoordinatorException">It makes no sense.</exception>
    public static KeptProvider Of(string name, ProviderRequest request)
    {
        var asked = Flat(request);
        return HasCredentials(asked) ? Credentials(new KeptProvider { Name = name, Namespace = Given(asked.Namespace), StorageClass = Given(asked.StorageClass) }, asked)
            : throw Wrong("there are no credentials; give a kubeconfig's text, or server with token, client_certificate and client_key, or username and password");
    }

    /// <summary>One that is there: what is not given stays. Credentials are replaced whole, so that those which are kept never go to another server.</summary>
    /// <param name="former">Null where it cannot be read.</param>
    /// <exception cref="CoordinatorException">It makes no sense.</exception>
    public static KeptProvider Change(string name, KeptProvider? former, ProviderRequest request)
    {
        var asked = Flat(request);
        var next = (former ?? new KeptProvider { Name = name }) with
        {
            Namespace = asked.Namespace is null ? former?.Namespace : Given(asked.Namespace),
            StorageClass = asked.StorageClass is null ? former?.StorageClass : Given(asked.StorageClass),
        };
        if (HasCredentials(asked))
        {
            return Credentials(new KeptProvider { Name = name, Namespace = next.Namespace, StorageClass = next.StorageClass }, asked);
        }

        return asked.Context is null ? next
            : next.Kubeconfig is not null ? next with { Context = asked.Context }
            : throw Wrong($"context=\"{asked.Context}\" is given, and no kubeconfig is kept; give one");
    }

    private static bool HasCredentials(ProviderRequest asked) =>
        (asked.Kubeconfig ?? asked.Server ?? asked.CertificateAuthority ?? asked.Token ?? asked.ClientCertificate ?? asked.ClientKey ?? asked.Username ?? asked.Password) is not null;

    private static KeptProvider Credentials(KeptProvider next, ProviderRequest asked)
    {
        string[] besides = [.. Fields(asked).Where(static f => f.Value is not null).Select(static f => f.Name)];
        if (asked.Kubeconfig is { } kubeconfig)
        {
            return besides.Length > 0 ? throw Wrong($"kubeconfig and {string.Join(", ", besides)} exclude one another; give a kubeconfig alone, or none")
                : !kubeconfig.AsSpan().ContainsAny('\n', ':') ? throw Wrong("kubeconfig is no kubeconfig, perhaps a file's name: files of yours are not here; send its text, as `kubectl config view --raw --flatten` prints it")
                : next with { Kubeconfig = kubeconfig, Context = asked.Context };
        }

        if (asked.Context is { } context)
        {
            throw Wrong($"context=\"{context}\" is a kubeconfig's, and there is none; leave it out");
        }

        if (asked.Server is null)
        {
            throw Wrong($"server is missing, and {string.Join(", ", besides)} given; give its address, such as https://host:6443");
        }

        Pair("client_certificate", asked.ClientCertificate, "client_key", asked.ClientKey);
        Pair("username", asked.Username, "password", asked.Password);
        return new[] { asked.Token, asked.ClientCertificate, asked.Username }.Count(static c => c is not null) == 1
            ? next with
            {
                Server = asked.Server,
                CertificateAuthority = asked.CertificateAuthority,
                Token = asked.Token,
                ClientCertificate = asked.ClientCertificate,
                ClientKey = asked.ClientKey,
                Username = asked.Username,
                Password = asked.Password,
            }
            : throw Wrong($"{string.Join(", ", besides)} are given; give one of token, client_certificate with client_key, or username with password");
    }

    private static (string Name, string? Value)[] Fields(ProviderRequest asked) =>
    [
        ("server", asked.Server), ("certificate_authority", asked.CertificateAuthority), ("token", asked.Token), ("client_certificate", asked.ClientCertificate),
        ("client_key", asked.ClientKey), ("username", asked.Username), ("password", asked.Password),
    ];

    private static void Pair(string one, string? first, string other, string? second)
    {
        if (first is null != second is null)
        {
            throw Wrong($"{(first is null ? one : other)} is missing; {one} and {other} go together");
        }
    }

    /// <summary>With what HyperSDK's form says where it belongs, and names that can be.</summary>
    private static ProviderRequest Flat(ProviderRequest request)
    {
        if (request.Provider is { Type: { } type } && type != HyperSdkType)
        {
            throw Wrong($"provider.type=\"{type}\" is not known; give {HyperSdkType}");
        }

        var metadata = request.Provider?.Metadata;
        var asked = request with
        {
            Kubeconfig = One("kubeconfig", request.Kubeconfig, metadata?.Kubeconfig),
            Namespace = One("namespace", request.Namespace, metadata?.Namespace),
            StorageClass = One("storage_class", request.StorageClass, metadata?.StorageClass),
        };
        Demand("namespace", asked.Namespace, RestRequest.NamespaceName());
        Demand("storage_class", asked.StorageClass, RestRequest.ObjectName());
        return asked;
    }

    private static string? One(string field, string? own, string? theirs) => own is null || theirs is null ? own ?? theirs
        : throw Wrong($"{field} is given twice, as provider.metadata's too; give it once");

    private static void Demand(string field, string? value, Regex form)
    {
        if (value is { Length: > 0 } && !form.IsMatch(value))
        {
            throw Wrong($"{field}=\"{value}\" is no name in Kubernetes: lower-case letters, digits and '-'");
        }
    }

    /// <summary>An empty one takes back what was given.</summary>
    private static string? Given(string? text) => text is { Length: > 0 } ? text : null;

    private static CoordinatorException Wrong(string message) => new(FailureReason.BadRequest, message);

    [GeneratedRegex("^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?\\z", RegexOptions.CultureInvariant)]
    private static partial Regex Name();
}
