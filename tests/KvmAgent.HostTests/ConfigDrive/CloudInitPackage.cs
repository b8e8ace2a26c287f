using System.Text.Json.Nodes;
using KvmAgent.Processes;

namespace KvmAgent.HostTests.ConfigDrive;

/// <summary>cloud-init's package and what it imports, downloaded by apt and unpacked into a directory of its own. Nothing is installed.</summary>
public sealed class CloudInitPackage : IAsyncLifetime
{
    public const string Python = "/usr/bin/python3";

    private static readonly string[] Packages =
    [
        "cloud-init", "python3-certifi", "python3-chardet", "python3-charset-normalizer", "python3-configobj", "python3-idna", "python3-jinja2",
        "python3-jsonschema", "python3-jsonpatch", "python3-json-pointer", "python3-markupsafe", "python3-netifaces", "python3-oauthlib", "python3-requests",
        "python3-six", "python3-urllib3", "python3-yaml",
    ];

    private readonly string _directory = Directory.CreateTempSubdirectory("cloud-init-package-").FullName;

    public async Task InitializeAsync()
    {
        // apt-get downloads into the current directory.
        await ProcessRunner.RunAsync("env", ["-C", _directory, "apt-get", "-qq", "download", .. Packages]);
        foreach (var package in Directory.GetFiles(_directory, "*.deb"))
        {
            await ProcessRunner.RunAsync("dpkg-deb", ["-x", package, Path.Combine(_directory, "root")]);
        }
    }

    public Task DisposeAsync()
    {
        Directory.Delete(_directory, recursive: true);
        return Task.CompletedTask;
    }

    /// <summary>Runs a script that finds its input in <c>directory</c> and leaves a dictionary in <c>answer</c>; bytes come as hexadecimal text.</summary>
    public async Task<JsonNode> RunAsync(string directory, string script)
    {
        var program = $"""
            import json, sys
            modules, directory = sys.argv[1:]
            sys.path.insert(0, modules)
            {script}
            # Not ASCII: half a surrogate pair must fail here, not be joined with its other half by whoever reads this.
            sys.stdout.buffer.write(json.dumps(answer, default=bytes.hex, ensure_ascii=False).encode())
            """;
        var modules = Path.Combine(_directory, "root/usr/lib/python3/dist-packages");
        return JsonNode.Parse(await ProcessRunner.RunAsync(Python, ["-", modules, directory], program))!;
    }
}

/// <summary>A test that needs Debian's cloud-init.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class CloudInitFactAttribute : FactAttribute
{
    public CloudInitFactAttribute()
    {
        if (!File.Exists(CloudInitPackage.Python) || !File.Exists("/usr/bin/apt-get"))
        {
            Skip = "cloud-init is taken from Debian's packages: needs apt-get and /usr/bin/python3";
        }
    }
}
