using System.Globalization;
using System.Text.Json.Nodes;
using KvmAgent.Kubernetes;
using KvmAgent.TestSupport;
using KvmAgent.TestSupport.Api;

namespace KvmAgent.Coordinator.Tests.Machines;

/// <summary>
/// Scenarios/AREA/NAME: input.yaml says what is given, expected.yaml what comes of it. An input may have <c>cases</c>, each a merge patch
/// over the rest, and <c>show</c>, the paths of the result that the scenario is about; without it all is shown.
/// </summary>
internal static class Scenario
{
    public static IEnumerable<string> Names(string area) =>
        Directory.GetDirectories(Folder(area)).Select(static d => Path.GetFileName(d)).Order(StringComparer.Ordinal);

    /// <summary>What is given, by the names of the cases; one without a name where there are none.</summary>
    public static IEnumerable<(string Case, JsonObject Given)> Cases(string area, string name)
    {
        var input = Input(area, name);
        input.Remove("show");
        input.Remove("cases", out var cases);
        return cases is null
            ? [("", input)]
            : cases.AsObject().Select(c => (c.Key, MergePatch.Apply(input.DeepClone(), c.Value ?? new JsonObject())!.AsObject()));
    }

    public static void Check(string area, string name, Func<JsonObject, JsonObject> decide)
    {
        var show = Input(area, name)["show"]?.AsArray().Select(static p => (string)p!).ToList();
        var all = new JsonObject();
        foreach (var (caseName, given) in Cases(area, name))
        {
            var result = Shown(decide(given), show);
            if (caseName.Length == 0)
            {
                all = result;
            }
            else
            {
                all[caseName] = result;
            }
        }

        Golden.ShouldBe(YamlText.Of(all), Path.Combine(Folder(area), name, "expected.yaml"));
    }

    private static string Folder(string area) => RepositoryRoot.At("tests", "KvmAgent.Coordinator.Tests", "Machines", "Scenarios", area);

    private static JsonObject Input(string area, string name) =>
        Yaml.Documents(File.ReadAllText(Path.Combine(Folder(area), name, "input.yaml"))).Single().AsObject();

    private static JsonObject Shown(JsonObject result, List<string>? paths)
    {
        // What went wrong is never left out.
        if (paths is null || result.ContainsKey("problems"))
        {
            return result;
        }

        var shown = new JsonObject();
        foreach (var path in paths)
        {
            shown[path] = At(result, path)?.DeepClone();
        }

        return shown;
    }

    private static JsonNode? At(JsonNode? node, string path)
    {
        foreach (var part in path.Split('.'))
        {
            node = node is JsonArray list ? list.ElementAtOrDefault(int.Parse(part, CultureInfo.InvariantCulture)) : node?[part];
        }

        return node;
    }
}
