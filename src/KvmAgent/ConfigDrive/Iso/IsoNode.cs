namespace KvmAgent.ConfigDrive.Iso;

/// <summary>Where a file's or a directory's bytes lie in the image.</summary>
internal sealed record Extent(uint Sector, uint Length)
{
    public static readonly Extent Unknown = new(0, 0);

    public uint Sectors => IsoImage.SectorsFor(Length);
}

/// <summary>A directory (it has <see cref="Children"/>) or a file of the image.</summary>
internal sealed class IsoNode(string name, IsoNode? parent, bool isDirectory, ReadOnlyMemory<byte> content = default, bool forAll = false)
{
    public string Name { get; } = name;

    /// <summary>The root is its own parent, as its record ".." says.</summary>
    public IsoNode Parent => parent ?? this;

    public bool IsRoot => parent is null;
    public bool IsDirectory { get; } = isDirectory;
    public List<IsoNode> Children { get; } = [];
    public ReadOnlyMemory<byte> Content { get; } = content;

    /// <summary>Whether everybody may read it: a directory, where it leads to such a file.</summary>
    public bool IsForAll => forAll || Children.Exists(child => child.IsForAll);

    /// <summary>A file's place, the same in both hierarchies; a directory has one place in each, see <see cref="IsoHierarchy"/>.</summary>
    public Extent Extent { get; set; } = Extent.Unknown;

    /// <summary>The root above files that are named by relative paths with slashes.</summary>
    public static IsoNode Root(IEnumerable<ConfigDriveFile> files)
    {
        var root = new IsoNode("", null, isDirectory: true);
        foreach (var file in files)
        {
            var parts = file.Path.Split('/');
            var directory = parts[..^1].Aggregate(root, (parent, name) => parent.Directory(name));
            directory.Children.Add(new IsoNode(parts[^1], directory, isDirectory: false, file.Content, file.ForAll));
        }

        return root;
    }

    private IsoNode Directory(string name)
    {
        var directory = Children.Find(child => child.Name == name);
        if (directory is null)
        {
            Children.Add(directory = new IsoNode(name, this, isDirectory: true));
        }

        return directory;
    }
}
