namespace KvmAgent.Images.Layers;

internal enum TarKind
{
    File,
    Directory,
    HardLink,
    SymbolicLink,
    CharacterDevice,
    BlockDevice,
    Fifo,
    SparseFile,
    Other,
}

/// <summary>One entry of a tar archive, as it says of itself.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Name">As it stands there, with all that may be wrong with it.</param>
/// <param name="Size">Bytes that follow.</param>
/// <param name="Mode">Permission bits.</param>
/// <param name="Modified">Seconds since 1970.</param>
internal sealed record TarMember(TarKind Kind, string Name, long Size, int Mode, decimal Modified);

internal static class TarKindNames
{
    /// <summary>With its article, for error messages.</summary>
    public static string Named(this TarKind kind) => kind switch
    {
        TarKind.File => "a file",
        TarKind.Directory => "a directory",
        TarKind.HardLink => "a hard link",
        TarKind.SymbolicLink => "a symbolic link",
        TarKind.CharacterDevice => "a character device",
        TarKind.BlockDevice => "a block device",
        TarKind.Fifo => "a FIFO",
        TarKind.SparseFile => "a sparse file",
        _ => "an entry of unknown type",
    };
}
