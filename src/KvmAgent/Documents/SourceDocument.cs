
namespace KvmAgent.Documents;

/// <summary>Mounted files that must be mappings.</summary>
internal static class SourceDocument
{
    /// <returns>Null where the file is absent, or has nothing but comments.</returns>
    public static YamlMapping? Mapping(SourceFile? file) => file is null ? null : YamlReader.Read(file) switch
    {
        null or YamlScalar { Kind: ScalarKind.Null } => null,
        YamlMapping mapping => mapping,
        var other => throw YamlReader.Refused(file.Path, other.At, "expected a mapping: lines of the form \"name: value\", or a JSON object"),
    };
}
