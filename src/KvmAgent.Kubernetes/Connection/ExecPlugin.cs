using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;

namespace KvmAgent.Kubernetes;

/// <summary>A program that makes credentials (client.authentication.k8s.io), as a kubeconfig names it.</summary>
internal sealed class ExecPlugin
{
    private const string Group = "client.authentication.k8s.io", InfoVariable = "KUBERNETES_EXEC_INFO";
    private const int MostOutput = 1 << 20, MostErrorText = 2000;

    private static readonly TimeSpan _deadline = TimeSpan.FromSeconds(60);

    private readonly string _place;
    private readonly string _apiVersion;
    private readonly string _command;
    private readonly IReadOnlyList<string> _args;
    private readonly IReadOnlyList<(string Name, string Value)> _environment;
    private readonly string? _hint;
    private readonly string _info;

    private ExecPlugin(ConfigNode exec, ConfigNode cluster)
    {
        _place = exec.Place();
        _apiVersion = exec.Demand("apiVersion", $"give {Group}/v1");
        if (_apiVersion is not (Group + "/v1" or Group + "/v1beta1"))
        {
            throw exec.Wrong("apiVersion", _apiVersion, $"only {Group}/v1 and v1beta1 are known; have the kubeconfig made by a newer tool");
        }

        if (exec.Text("interactiveMode") == "Always")
        {
            throw exec.Wrong("interactiveMode", "Always", "there is no terminal here; use another user of the cluster");
        }

        var command = exec.Demand("command", "name the program");
        // As in client-go: a bare name is looked up in PATH, a relative path is meant from the kubeconfig.
        _command = command.Contains('/') ? exec.Resolve(command) : command;
        _args = exec.Texts("args");
        _environment = [.. exec.Mappings("env").Select(static e => (e.Demand("name", "name the variable"), e.Text("value") ?? ""))];
        _hint = exec.Text("installHint")?.Trim();
        _info = KubernetesJsonText(Info(exec, cluster));
    }

    public static ExecPlugin Read(ConfigNode exec, ConfigNode cluster) => new(exec, cluster);

    /// <exception cref="KubernetesConfigException">It gives none.</exception>
    public async Task<ExecAnswer> RunAsync(TimeProvider time)
    {
        using var deadline = new CancellationTokenSource(_deadline, time);
        using var process = Start();
        try
        {
            process.StandardInput.Close();
            var errors = ReadAsync(process.StandardError, MostErrorText, deadline.Token);
            var output = await ReadAsync(process.StandardOutput, MostOutput, deadline.Token).ConfigureAwait(false);
            await process.WaitForExitAsync(deadline.Token).ConfigureAwait(false);
            return process.ExitCode == 0
                ? ExecAnswer.Parse(_place, _command, _apiVersion, output)
                : throw Failed($"ended with {process.ExitCode}: {(await errors.ConfigureAwait(false)).Trim()}");
        }
        catch (OperationCanceledException e)
        {
            throw Failed($"gave no answer within {_deadline.TotalSeconds} s", e);
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }
    }

    private Process Start()
    {
        var start = new ProcessStartInfo(_command, _args)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in _environment)
        {
            start.Environment[name] = value;
        }

        start.Environment[InfoVariable] = _info;
        try
        {
            return Process.Start(start)!;
        }
        catch (Exception e) when (e is System.ComponentModel.Win32Exception or InvalidOperationException)
        {
            throw Failed($"cannot be started: {e.Message}", e);
        }
    }

    private KubernetesConfigException Failed(string what, Exception? inner = null) =>
        new($"{_place}: {_command} {what}; {_hint ?? "see that it is installed and logged in"}", inner);

    /// <summary>To its end, so that the program is not held up; only so much of it is kept.</summary>
    private static async Task<string> ReadAsync(StreamReader reader, int most, CancellationToken ct)
    {
        var text = new StringBuilder();
        var room = new char[4096];
        while (await reader.ReadAsync(room, ct).ConfigureAwait(false) is > 0 and var read)
        {
            text.Append(room, 0, Math.Min(read, most - text.Length));
        }

        return text.ToString();
    }

    private JsonObject Info(ConfigNode exec, ConfigNode cluster)
    {
        var spec = new JsonObject { ["interactive"] = false };
        if (exec.Flag("provideClusterInfo"))
        {
            var info = new JsonObject { ["server"] = cluster.Text("server") };
            Set(info, "tls-server-name", cluster.Text("tls-server-name"));
            Set(info, "insecure-skip-tls-verify", cluster.Flag("insecure-skip-tls-verify") ? JsonValue.Create(true) : null);
            var authority = KubeconfigCluster.Pem(cluster, "certificate-authority");
            Set(info, "certificate-authority-data", authority is null ? null : Convert.ToBase64String(Encoding.UTF8.GetBytes(authority)));
            Set(info, "proxy-url", cluster.Text("proxy-url"));
            Set(info, "config", cluster.Mappings("extensions").FirstOrDefault(static e => e.Text("name") == Group + "/exec")?.Json("extension"));
            spec["cluster"] = info;
        }

        return new JsonObject { ["apiVersion"] = _apiVersion, ["kind"] = "ExecCredential", ["spec"] = spec };
    }

    private static void Set(JsonObject json, string name, JsonNode? value)
    {
        if (value is not null)
        {
            json[name] = value;
        }
    }

    private static string KubernetesJsonText(JsonNode json) => Encoding.UTF8.GetString(KubernetesJson.Bytes(json));
}
