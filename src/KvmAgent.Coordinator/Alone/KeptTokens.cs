using System.Text;
using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Alone.Store;

namespace KvmAgent.Coordinator.Alone;

/// <summary>
/// The two tokens that are no VM's: the one that enrols, in <c>agents/token</c>, and people's, in <c>kubeconfig</c>. The store has their
/// hashes alone, so whoever removes a file gets a new one of it at the next start, with another token, and the former is no longer good.
/// </summary>
internal static class KeptTokens
{
    private const string Label = "token: ";

    /// <returns>The hash of the token that enrols.</returns>
    public static byte[] Enrolment(DataDirectory directory, AloneStore store)
    {
        var token = Keep(store, AloneStore.Enrolment, DataDirectory.TryRead(directory.AgentToken)?.Trim());
        directory.Write(directory.AgentToken, Encoding.ASCII.GetBytes(token + "\n"), DataDirectory.AllRead);
        return Token.Hash(token);
    }

    /// <summary>The kubeconfig is written anew each time: address and authority may have changed.</summary>
    /// <returns>People's token.</returns>
    public static string People(DataDirectory directory, AloneStore store, Uri server, string authorityPem)
    {
        var former = (DataDirectory.TryRead(directory.Kubeconfig) ?? "").Split('\n')
            .Select(static line => line.Trim()).FirstOrDefault(static line => line.StartsWith(Label, StringComparison.Ordinal))?[Label.Length..].Trim('"');
        var token = Keep(store, AloneStore.People, former);
        directory.Write(directory.Kubeconfig, Encoding.UTF8.GetBytes(Kubeconfig(server, authorityPem, token)), DataDirectory.OwnerReads);
        return token;
    }

    /// <summary>What `kvmctl login` would keep.</summary>
    public static void Login(DataDirectory directory, Uri management, string authorityPem, string token) => directory.Write(
        directory.Login,
        Encoding.UTF8.GetBytes(new JsonObject
        {
            ["server"] = management.GetLeftPart(UriPartial.Authority),
            ["certificate_authority"] = authorityPem,
            ["token"] = token,
        }.ToJsonString() + "\n"),
        DataDirectory.OwnerReads);

    private static string Keep(AloneStore store, string purpose, string? former)
    {
        if (former is { Length: > 0 } && Token.AreSame(Token.Hash(former), store.HashOf(purpose)))
        {
            return former;
        }

        var token = Token.New();
        store.SetHash(purpose, Token.Hash(token));
        return token;
    }

    private static string Kubeconfig(Uri server, string authorityPem, string token) =>
        $$"""
        apiVersion: v1
        kind: Config
        clusters:
        - name: kvm-coordinator
          cluster:
            server: {{server.GetLeftPart(UriPartial.Authority)}}
            certificate-authority-data: {{Convert.ToBase64String(Encoding.ASCII.GetBytes(authorityPem))}}
        users:
        - name: admin
          user:
            token: {{token}}
        contexts:
        - name: kvm-coordinator
          context:
            cluster: kvm-coordinator
            user: admin
            namespace: default
        current-context: kvm-coordinator

        """;
}
