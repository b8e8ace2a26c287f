using System.CommandLine;
using System.Net;
using KvmAgent.Contracts;
using KvmAgent.Import;
using KvmAgent.Processes;
using KvmAgent.Settings;
using KvmAgent.Status;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Commands;

/// <summary><c>kvm-agent import</c>: a raw disk of an image from anywhere, or the tree of an archive; without a source, as CDI's importer.</summary>
internal sealed class ImportCommand
{
    private readonly Option<string?> _source = new("--source") { Description = "The image: a URL, or a full path. Without it the variables of CDI's importer pods say what to do." };
    private readonly Option<string?> _target = new("--target") { Description = "The disk: a file that shall be made, or a block device; of an archive a directory." };
    private readonly Option<string?> _size = new("--size") { Description = "The disk's size, a Kubernetes quantity; the image's where it is not given." };
    private readonly Option<string?> _checksum = new("--checksum") { Description = "sha256:…, sha512:…, sha1:… or md5:… of the source; another content is refused." };
    private readonly Option<bool> _preallocate = new("--preallocate") { Description = "Take all of the disk's room at once." };
    private readonly Option<string?> _scratch = new("--scratch") { Description = "Directory for what has to be spooled; beside the target otherwise." };
    private readonly Option<string?> _content = new("--content-type") { Description = "kubevirt for a disk, as without it, or archive for a tar." };
    private readonly Option<string?> _metrics = new("--metrics") { Description = "File that tells the progress as OpenMetrics text." };
    private readonly Option<string?> _termination = new("--termination-log") { Description = "File that tells the end as JSON; /dev/termination-log where that is." };
    private readonly SourceOptions _access = new();
    private readonly HostPaths _paths = HostPaths.FromEnvironment();

    public static Command Create()
    {
        var import = new ImportCommand();
        var command = new Command("import", "Make a raw disk of an image, or unpack an archive.")
        {
            import._source, import._target, import._size, import._checksum, import._preallocate, import._scratch, import._content,
            import._metrics, import._termination,
        };
        import._access.AddTo(command);
        command.SetAction((arguments, cancel) => CommandLine.GuardAsync(() => import.RunAsync(arguments, cancel)));
        return command;
    }

    private async Task<int> RunAsync(ParseResult arguments, CancellationToken cancel)
    {
        using var signals = new CommandSignals(cancel);
        return await TerminationGuard.RunAsync(arguments.GetValue(_termination), _paths, "nothing was imported", signals, () =>
        {
            var settings = Settings(arguments);
            if (settings.Overhead is not null)
            {
                // The disk is for QEMU's group too, as CDI leaves it.
                const uint others = 7;
                _ = Native.Umask(others);
            }

            return ImportAsync(settings, signals.Token);
        }).ConfigureAwait(false);
    }

    private static async Task<(string Text, ImportResult Result)> ImportAsync(ImportSettings settings, CancellationToken cancel)
    {
        using var logs = CommandLine.Logs();
        var progress = new ProgressLog(TimeProvider.System, logs.CreateLogger<ProgressLog>()).For(Path.GetFileName(settings.Target));
        await using var report = settings.Link is { } link ? ImportReport.Begin(link, progress, TimeProvider.System, logs.CreateLogger<ImportReport>()) : null;
        var uploads = settings.IsUpload ? new UploadReceiver(
            new UploadOffers(settings.Link!, Dns.GetHostAddressesAsync, TimeProvider.System, logs.CreateLogger<UploadOffers>()), TimeProvider.System, logs.CreateLogger<UploadReceiver>()) : null;
        return await new Importer(settings, uploads, logs.CreateLogger<Importer>()).RunAsync(report ?? progress, cancel).ConfigureAwait(false);
    }

    private ImportSettings Settings(ParseResult arguments)
    {
        var (environment, errors) = (CommandLine.Environment(), new SettingErrors());
        var parser = new SettingParser(errors);
        var source = arguments.GetValue(_source);
        ImportSettings settings;
        if (source is null && ImporterEnvironment.IsIn(environment))
        {
            settings = new ImporterEnvironment(environment, _paths, parser).Read();
        }
        else
        {
            if (source is null)
            {
                errors.Add("--source is missing, and no IMPORTER_SOURCE or IMPORTER_ENDPOINT says what to import; give --source URL or --source /PATH");
            }

            if (arguments.GetValue(_target) is null)
            {
                errors.Add("--target is missing; give the disk's path, --target /PATH/disk.img");
            }

            settings = new ImportSettings(source, "/") { Access = VmSettingsReader.SourceAccess(environment, source ?? "", parser) };
        }

        settings = Over(settings, arguments, parser);
        errors.ThrowIfAny();
        return settings;
    }

    private ImportSettings Over(ImportSettings settings, ParseResult arguments, SettingParser parser)
    {
        if (arguments.GetValue(_target) is { } target)
        {
            // A target that a person names is not the pod's to clear.
            settings = settings with { Target = Path.GetFullPath(target), Overhead = null };
        }

        if (Given(_content) is { } content)
        {
            settings = settings with { Content = parser.Choice(content, ("kubevirt", ImportContent.Disk), ("archive", ImportContent.Archive)) };
        }

        return settings with
        {
            Size = Given(_size) is { } size ? parser.Size(size, 1) : settings.Size,
            Checksum = Given(_checksum) is { } checksum ? parser.Checksum(checksum) : settings.Checksum,
            Access = _access.Over(settings.Access, arguments, parser),
            Preallocate = settings.Preallocate || arguments.GetValue(_preallocate),
            Scratch = Full(_scratch) ?? settings.Scratch,
            Metrics = Full(_metrics) ?? settings.Metrics,
            DemandMetrics = arguments.GetValue(_metrics) is not null,
        };

        GivenValue? Given(Option<string?> option) => arguments.GetValue(option) is { Length: > 0 } text ? new GivenValue(text, option.Name) : null;

        string? Full(Option<string?> option) => arguments.GetValue(option) is { Length: > 0 } path ? Path.GetFullPath(path) : null;
    }
}
