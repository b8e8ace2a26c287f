using System.Text;
using KvmAgent.ConfigDrive;
using KvmAgent.Documents;
using KvmAgent.Processes;

namespace KvmAgent.HostTests.ConfigDrive;

/// <summary>Other people's readers find in our image what was put into it.</summary>
public sealed class IsoReadersTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("iso-").FullName;

    /// <summary>Keys of a ConfigMap that the primary hierarchy's few letters make alike, and as long as names may be.</summary>
    private static readonly string[] Alike =
    [
        "app.conf", "App.conf", "app_conf", "app-conf", "app.b.conf", ".dockerconfigjson", "a..b", new('k', 103), new string('k', 98) + ".conf", new string('k', 97) + "x.conf",
    ];

    private string Image => Path.Combine(_directory, "config.iso");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Theory]
    [InlineData("openstack", "nojoliet")]
    [InlineData("openstack", "norock")]
    [InlineData("nocloud", "nojoliet")]
    [InlineData("nocloud", "norock")]
    [InlineData("crowded", "nojoliet")]
    [InlineData("crowded", "norock")]
    [InlineData("alike", "nojoliet")]
    [InlineData("alike", "norock")]
    public async Task Xorriso_extracts_the_same_bytes_by_rock_ridge_and_by_joliet(string name, string without)
    {
        var tree = Write(name);
        var target = Path.Combine(_directory, "extracted");

        await ProcessRunner.RunAsync(
            "xorriso",
            ["-abort_on", "WARNING", "-read_fs", without, "-osirrox", "on:auto_chmod_on", "-indev", Image, "-extract", "/", target]);

        Contents(target).ShouldBe(tree.Files.ToDictionary(file => file.Path, file => Convert.ToHexString(file.Content.Span)), ignoreOrder: true);
    }

    [Theory]
    [InlineData("openstack", "-R", "/openstack/latest/user_data")]
    [InlineData("openstack", "-J", "/openstack/latest/user_data")]
    [InlineData("openstack", "", "/OPENSTACK/LATEST/USER_DATA.;1")]
    [InlineData("nocloud", "-R", "/user-data")]
    [InlineData("nocloud", "-J", "/user-data")]
    [InlineData("crowded", "-R", "/a/file-059")]
    [InlineData("alike", "-R", "/app.conf")]
    [InlineData("alike", "-J", "/App.conf")]
    [InlineData("alike", "", "/APP.CONF;1")]
    public async Task Isoinfo_finds_a_file_by_its_name_in_each_hierarchy(string name, string extension, string path)
    {
        var tree = Write(name);

        string[] options = extension == "" ? [] : [extension];
        var listed = await ProcessRunner.RunAsync("isoinfo", [.. options, "-f", "-i", Image]);
        var content = await ProcessRunner.RunAsync("isoinfo", [.. options, "-x", path, "-i", Image]);

        listed.Split('\n').ShouldContain(path);
        content.ShouldBe(Encoding.UTF8.GetString((tree.Files.FirstOrDefault(file => path == "/" + file.Path) ?? tree.Files.First(file => IsNamed(file, path))).Content.Span));
    }

    [Theory]
    [InlineData("openstack", "config-2")]
    [InlineData("nocloud", "cidata")]
    [InlineData("alike", "a-label-of-thirty-two-characters")]
    public async Task Blkid_sees_the_label_by_which_cloud_init_knows_the_drive(string name, string label)
    {
        Write(name);

        var seen = await ProcessRunner.RunAsync("blkid", ["-p", "-o", "export", Image]);

        seen.Split('\n').ShouldContain("LABEL=" + label);
        seen.Split('\n').ShouldContain("TYPE=iso9660");
    }

    [Fact]
    public async Task Files_are_for_root_alone_in_the_guest_too()
    {
        Write("openstack");

        var listed = await ProcessRunner.RunAsync("isoinfo", ["-R", "-l", "-i", Image]);

        listed.ShouldContain("-r--------   1    0    0");
        listed.ShouldContain("dr-x------");
        listed.ShouldNotContain("r--r");
    }

    private ConfigDriveTree Write(string name)
    {
        var input = new ConfigDriveInput
        {
            Format = name == "nocloud" ? ConfigDriveFormat.NoCloud : ConfigDriveFormat.OpenStack,
            VmName = "web-0",
            InstanceId = InstanceId.FromIdentity("default", "web-0"),
            Metadata = File("/metadata", "meta:\n  role: web\n"),
            UserData = File("/userdata", "#cloud-config\n" + string.Concat(Enumerable.Repeat("# a line\n", 1000))),
            VendorData = File("/vendordata", "#!/bin/sh\ntrue\n"),
        };

        // More than fits into one sector of a directory, and files that end at a sector's end.
        var tree = name switch
        {
            "crowded" => new ConfigDriveTree("config-2", [.. Enumerable.Range(0, 60).Select(Crowd)], []),
            "alike" => new ConfigDriveTree("a-label-of-thirty-two-characters", [.. Alike.Select(key => new ConfigDriveFile(key, Encoding.ASCII.GetBytes($"of {key}"), ForAll: true))], []),
            _ => ConfigDriveTree.Create(input),
        };
        ConfigDriveIso.Write(tree, Image);
        return tree;
    }

    private static ConfigDriveFile Crowd(int number) =>
        new($"{(number % 2 == 0 ? "b/c" : "a")}/file-{number:000}", Encoding.ASCII.GetBytes(new string('x', number * 128)));

    private static bool IsNamed(ConfigDriveFile file, string path) =>
        path.Split(';')[0].TrimEnd('.').Equals("/" + file.Path, StringComparison.OrdinalIgnoreCase);

    private static SourceFile File(string path, string text) => new(path, Encoding.UTF8.GetBytes(text));

    private static Dictionary<string, string> Contents(string directory) => Directory.GetFiles(directory, "*", SearchOption.AllDirectories)
        .ToDictionary(path => Path.GetRelativePath(directory, path), path => Convert.ToHexString(System.IO.File.ReadAllBytes(path)));
}
