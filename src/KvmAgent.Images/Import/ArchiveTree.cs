using KvmAgent.Images.Layers;
using KvmAgent.Images.Store;
using Microsoft.Win32.SafeHandles;

namespace KvmAgent.Images.Import;

/// <summary>
/// The tree of an archive while it is unpacked: in a hidden directory of ours inside the target, in which there are no links, so that no
/// name can lead out of it. When all of it is on the disk its entries are moved into place one by one; a second try moves them again.
/// </summary>
internal sealed class ArchiveTree : IDisposable
{
    /// <summary>How many directories may be inside one another; each is held open.</summary>
    public const int Deepest = 100;

    private const string Staging = ".kvm-agent-import";
    private const int LongestName = 255, LongestPath = 4096;

    private readonly string _path;
    private readonly OpenDirectory _target;
    private readonly OpenDirectory _root;

    // The directory that is being filled and those it is in, with the times they shall have when nothing more is put there.
    private readonly List<(string Name, OpenDirectory Directory, (long, long)? Modified)> _open = [];

    private ArchiveTree(string path, OpenDirectory target)
    {
        (_path, _target) = (path, target);
        _target.RemoveTree(Staging);
        _target.Make(Staging);
        _root = _target.Child(Staging) ?? throw new IOException($"{Staging} is gone");
    }

    public int Files { get; private set; }

    public int Directories { get; private set; }

    /// <summary>Removes what an earlier try left, and begins.</summary>
    /// <exception cref="ImageException">The directory is not there, or cannot be written.</exception>
    public static ArchiveTree Create(string path) => StorageFault.Guard(path, () =>
    {
        var target = OpenDirectory.At(path);
        try
        {
            return new ArchiveTree(path, target);
        }
        catch
        {
            target.Dispose();
            throw;
        }
    });

    public void AddDirectory(TarMember member) => StorageFault.Guard(_path, () =>
    {
        var names = Split(member.Name);
        // "./" is the target itself, which stays as it is.
        if (names.Length == 0)
            return 0;
        Open(names, member.Name);
        var (name, directory, _) = _open[^1];
        _open[^1] = (name, directory, Time(member));
        return Directories++;
    });

    /// <param name="member">The file; of two with one name the last remains, as tar has it.</param>
    /// <param name="write">Writes its content.</param>
    public void AddFile(TarMember member, Action<SafeFileHandle> write) => StorageFault.Guard(_path, () =>
    {
        var names = Split(member.Name);
        if (names.Length == 0 || member.Name.EndsWith('/'))
            throw Refuse(member.Name, "is a file without a name");
        var parent = Open(names[..^1], member.Name);
        switch (parent.Kind(names[^1]))
        {
            case EntryKind.File:
                parent.Remove(names[^1]);
                Files--;
                break;
            case not EntryKind.None:
                throw Refuse(member.Name, "is a file, and was a directory before");
        }
        using var file = parent.Create(names[^1]);
        write(file);
        OpenDirectory.SetMode(file, (member.Mode & 0x49) != 0 ? 0x1ed : 0x1a4);
        OpenDirectory.SetModified(file, Time(member));
        return Files++;
    });

    /// <summary>Brings all to the disk, and then into place.</summary>
    /// <exception cref="ImageException">Something that is there is in the way; nothing was moved then.</exception>
    public void Complete() => StorageFault.Guard(_path, () =>
    {
        Close(0);
        _root.SyncFileSystem();
        ArchivePlacing.Demand(_root, _target, _path);
        ArchivePlacing.Move(_root, _target);
        _target.RemoveTree(Staging);
        _target.SyncFileSystem();
        return true;
    });

    public void Dispose()
    {
        foreach (var (_, directory, _) in _open)
            directory.Dispose();
        _open.Clear();
        _root.Dispose();
        try
        {
            _target.RemoveTree(Staging);
        }
        catch (IOException)
        {
            // What is left costs room and nothing else; the next try removes it.
        }
        _target.Dispose();
    }

    /// <summary>Opens a directory inside, made where it is not there yet.</summary>
    private OpenDirectory Open(string[] names, string member)
    {
        if (names.Length > Deepest)
            throw Refuse(member, $"is more than {Deepest} directories deep");
        var same = 0;
        while (same < Math.Min(names.Length, _open.Count) && names[same] == _open[same].Name)
            same++;
        Close(same);
        foreach (var name in names[same..])
        {
            var parent = _open.Count == 0 ? _root : _open[^1].Directory;
            var child = parent.Child(name);
            var isNew = child is null;
            if (child is null)
            {
                if (parent.Kind(name) != EntryKind.None)
                    throw Refuse(member, "is in a directory, or is one, that was a file before");
                parent.Make(name);
                child = parent.Child(name) ?? throw new IOException($"{name} is gone");
                child.SetMode(0x1ed);
            }
            _open.Add((name, child, isNew ? null : child.Modified()));
        }
        return _open.Count == 0 ? _root : _open[^1].Directory;
    }

    /// <summary>Leaves all open directories but the first ones.</summary>
    private void Close(int keep)
    {
        while (_open.Count > keep)
        {
            var (_, directory, modified) = _open[^1];
            _open.RemoveAt(_open.Count - 1);
            using (directory)
                if (modified is { } time)
                    directory.SetModified(time);
        }
    }

    private static string[] Split(string path)
    {
        if (path.Length == 0)
            throw Refuse(path, "is empty");
        if (path[0] == '/')
            throw Refuse(path, "is absolute");
        if (path.Contains('\0'))
            throw Refuse(path, "has a NUL");
        if (System.Text.Encoding.UTF8.GetByteCount(path) > LongestPath)
            throw Refuse(path[..60] + "…", $"is longer than {LongestPath} bytes");
        string[] names = [.. path.Split('/').Where(name => name is not ("" or "."))];
        foreach (var name in names)
        {
            if (name == "..")
                throw Refuse(path, "leads upwards (..)");
            if (System.Text.Encoding.UTF8.GetByteCount(name) > LongestName)
                throw Refuse(path[..60] + "…", $"has a part of more than {LongestName} bytes");
        }
        return names is [Staging, ..] ? throw Refuse(path, "is that of our own directory") : names;
    }

    private static (long, long) Time(TarMember member)
    {
        // Years 1901 to 2446: what ext4 can hold.
        var time = Math.Clamp(member.Modified, int.MinValue, 15_032_385_535m);
        var seconds = decimal.Floor(time);
        return ((long)seconds, (long)((time - seconds) * 1_000_000_000));
    }

    private static InvalidDataException Refuse(string name, string why) => new($"it is a tar archive with a name that {why} ('{name}')");
}

/// <summary>Brings a tree into a directory in which something may be: directories are merged, files replaced, links neither followed nor replaced by directories.</summary>
internal static class ArchivePlacing
{
    /// <exception cref="ImageException">Something is in the way.</exception>
    public static void Demand(OpenDirectory from, OpenDirectory to, string path)
    {
        foreach (var name in from.Names())
        {
            var (ours, theirs) = (from.Kind(name), to.Kind(name));
            if (theirs == EntryKind.None || ours == EntryKind.File && theirs != EntryKind.Directory)
                continue;
            if (ours != theirs)
                throw new ImageException(ImageFailure.Unwritable,
                    $"{path} has {(theirs == EntryKind.Directory ? "a directory" : theirs == EntryKind.File ? "a file" : "a link or device")} '{name}'"
                    + $" where the archive has {(ours == EntryKind.File ? "a file" : "a directory")}; remove it, or take an empty directory");
            using var inside = from.Child(name);
            using var outside = to.Child(name);
            if (inside is not null && outside is not null)
                Demand(inside, outside, $"{path}/{name}");
        }
    }

    public static void Move(OpenDirectory from, OpenDirectory to)
    {
        foreach (var name in from.Names())
        {
            using var inside = from.Child(name);
            using var outside = inside is null ? null : to.Child(name);
            if (inside is null || outside is null)
            {
                from.Move(name, to);
                continue;
            }
            var time = inside.Modified();
            Move(inside, outside);
            outside.SetMode(0x1ed);
            outside.SetModified(time);
        }
    }
}
