namespace KvmAgent.Images.Store;

internal enum Appeared
{
    Yes,

    /// <summary>Another file has the name.</summary>
    Exists,

    /// <summary>The file to be named is gone.</summary>
    Gone,
}

/// <summary>Gives a file its final name, never replacing another.</summary>
internal static class Publication
{
    /// <summary>
    /// link(2) where the file system has hard links (the file keeps its old name too), else a rename that does not
    /// replace, and where there is not even that, a look before the rename.
    /// </summary>
    public static Appeared Appear(string file, string name)
    {
        var error = Libc.Link(file, name);
        if (error is Libc.NotPermitted or Libc.NotSupported or Libc.NotImplemented or Libc.TooManyLinks)
            error = Libc.RenameNew(file, name);
        if (error is Libc.Invalid or Libc.NotImplemented)
            error = RenameIfAbsent(file, name);
        return error switch
        {
            0 => Appeared.Yes,
            Libc.Exists => Appeared.Exists,
            Libc.NotFound => Appeared.Gone,
            _ => throw new IOException($"{file} cannot be linked as {name} (error {error})", error),
        };
    }

    private static int RenameIfAbsent(string file, string name)
    {
        if (File.Exists(name))
            return Libc.Exists;
        try
        {
            File.Move(file, name, overwrite: true);
            return 0;
        }
        catch (FileNotFoundException)
        {
            return Libc.NotFound;
        }
    }
}
