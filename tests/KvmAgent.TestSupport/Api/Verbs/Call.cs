namespace KvmAgent.TestSupport.Api;

/// <summary>Who asks.</summary>
internal sealed record Identity(string Name, string Uid, IReadOnlyList<string> Groups)
{
    public IReadOnlyDictionary<string, IReadOnlyList<string>> Extra { get; init; } = new Dictionary<string, IReadOnlyList<string>>();
}

/// <summary>What a request asks for, once its path and query are read.</summary>
internal sealed record Call(ServedVersion Version, Identity User)
{
    public string Namespace { get; init; } = "";

    public string Name { get; init; } = "";

    public string Subresource { get; init; } = "";

    /// <summary>The field manager.</summary>
    public string Manager { get; init; } = "unknown";

    public bool ManagerGiven { get; init; }

    public bool DryRun { get; init; }

    public bool? Force { get; init; }

    /// <summary><c>Ignore</c>, <c>Warn</c> or <c>Strict</c>.</summary>
    public string FieldValidation { get; init; } = "Warn";

    /// <summary>Sent back in Warning headers.</summary>
    public List<string> Warnings { get; } = [];

    /// <summary>What is recorded against the client, though the request goes through.</summary>
    public List<string> Complaints { get; } = [];

    public ResourceType Type => Version.Type;

    public bool IsStatus => Subresource == "status";
}

/// <summary>What a verb left.</summary>
/// <param name="Object">Null where the answer is a Status of success.</param>
internal sealed record Outcome(int Code, Stored? Object);
