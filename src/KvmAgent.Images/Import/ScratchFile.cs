using KvmAgent.Images.Store;

namespace KvmAgent.Images.Import;

/// <summary>A file for what has to be at hand for a while; what a dead import left there is removed.</summary>
internal sealed class ScratchFile : IDisposable
{
    private ScratchFile(string path) => Path = path;

    public string Path { get; }

    /// <summary>Where the request says, else beside the target; for a device, as /dev is no place for it, among the temporary files.</summary>
    public static ScratchFile Of(DiskImportRequest request)
    {
        var target = request.Target;
        var directory = request.ScratchDirectory
            ?? (request.IsOntoDevice ? System.IO.Path.GetTempPath() : System.IO.Path.GetDirectoryName(target)!);
        var path = System.IO.Path.Combine(directory, $".{System.IO.Path.GetFileName(target)}.scratch");
        RawTarget.RemoveLeftover(path);
        return StorageFault.Guard(path, () =>
        {
            File.Delete(path);
            return new ScratchFile(path);
        });
    }

    public void Dispose() => File.Delete(Path);
}
