using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace KvmAgent.TestSupport.Api;

/// <summary>Who may ask the server, and what it says of them.</summary>
public sealed partial class TestApiServer
{
    /// <summary>Decides each SubjectAccessReview by its spec; null: system:masters and the admin may, all others may not.</summary>
    public Func<JsonObject, bool>? Access
    {
        get => _reviews.Access;
        set => _reviews.Access = value;
    }

    public void AddUser(string token, string username, params string[] groups) => _users.Add(token, username, groups, null);

    /// <param name="filter">Which requests are let through; the others are forbidden (403).</param>
    public void AddUser(string token, string username, Func<HttpRequest, bool> filter, params string[] groups) => _users.Add(token, username, groups, filter);

    /// <summary>As servers of old have them.</summary>
    public void AddPassword(string username, string password, params string[] groups) => _users.AddPassword(username, password, groups);

    /// <summary>Known by this very certificate, whatever it is of; over TLS.</summary>
    public void AddCertificate(X509Certificate2 certificate, string username, params string[] groups) => _users.AddCertificate(certificate, username, groups);

    /// <summary>A token as a projected volume has it; it need not be of a service account that is there.</summary>
    /// <param name="audiences">Null: the API server itself, which accepts no other.</param>
    /// <param name="pod">Name and uid of the pod with which the token goes.</param>
    /// <param name="lifetime">Null: one hour.</param>
    public string AddServiceAccountToken(
        string ns, string serviceAccount, IReadOnlyList<string>? audiences = null, (string Name, string Uid)? pod = null, TimeSpan? lifetime = null) =>
        _users.AddServiceAccount(ns, serviceAccount, Guid.NewGuid().ToString(), audiences, pod, lifetime).Token;
}
