using System.Text.Json.Nodes;

namespace KvmAgent.Coordinator.Rest.Templates;

/// <summary>
/// A VirtualMachine that wants parameters. A Template of OpenShift's declares them, and each other <c>${NAME}</c> in it stays, as a shell's
/// do in cloud-init's scripts; in any other manifest every <c>${NAME}</c> is one, and has to be given.
/// </summary>
internal sealed class MachineTemplate
{
    private readonly JsonObject _machine;
    private readonly bool _declares;

    private MachineTemplate(JsonObject machine, IReadOnlyList<TemplateParameter> parameters, bool declares) => (_machine, Parameters, _declares) = (machine, parameters, declares);

    /// <summary>As the Template has them; of a manifest by name.</summary>
    public IReadOnlyList<TemplateParameter> Parameters { get; }

    /// <exception cref="CoordinatorException">It is no template, or not of one machine.</exception>
    public static MachineTemplate Of(JsonObject template)
    {
        if (OpenShiftTemplate.Is(template))
        {
            return new MachineTemplate(OpenShiftTemplate.Machine(template), OpenShiftTemplate.Parameters(template), declares: true);
        }

        VmManifest.Demand(template, "template", $", or a {OpenShiftTemplate.ApiVersion} {OpenShiftTemplate.Kind}");
        return new MachineTemplate(template, [.. Substitution.Names(template).Select(static name => new TemplateParameter(name, Required: true))], declares: false);
    }

    /// <returns>The machine's manifest.</returns>
    /// <exception cref="CoordinatorException">The parameters do not fit; all that do not are told at once.</exception>
    public JsonObject With(IReadOnlyDictionary<string, string> given)
    {
        var values = Parameters.ToDictionary(static p => p.Name, p => ValueOf(p, given), StringComparer.Ordinal);
        var missing = Parameters.Where(p => !given.ContainsKey(p.Name) && p.Required && values[p.Name].Length == 0).Select(static p => p.Name).ToList();
        var empty = Parameters.Where(p => given.ContainsKey(p.Name) && p.Required && values[p.Name].Length == 0).Select(static p => p.Name).ToList();
        var unknown = given.Keys.Where(name => !values.ContainsKey(name)).Select(static name => $"\"{name}\"").ToList();
        if (missing.Count + empty.Count + unknown.Count == 0)
        {
            return Substitution.Apply(_machine, values);
        }

        string?[] all =
        [
            missing.Count == 0 ? null : $"{string.Join(", ", missing)} missing",
            empty.Count == 0 ? null : $"{string.Join(", ", empty)} required and empty",
            unknown.Count == 0 ? null : $"{string.Join(", ", unknown)} unknown",
        ];
        var takes = Parameters.Count == 0 ? "it takes none" : $"it takes {string.Join(", ", Parameters.Select(static p => p.Name))}";
        throw new CoordinatorException(
            FailureReason.BadRequest,
            $"the template's parameters do not fit: {string.Join("; ", all.OfType<string>())}; {takes}"
            + (missing.Count > 0 && !_declares ? $", and what is to stay, as a shell's, needs a {OpenShiftTemplate.Kind} that declares the others" : ""));
    }

    /// <summary>A value that is given counts as it is; an empty one, too: nothing is made up for it.</summary>
    private static string ValueOf(TemplateParameter parameter, IReadOnlyDictionary<string, string> given) =>
        given.TryGetValue(parameter.Name, out var value) ? value : parameter.Value.Length > 0 ? parameter.Value : parameter.Generated?.Next() ?? "";
}
