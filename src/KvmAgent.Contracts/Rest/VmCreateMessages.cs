using System.Text.Json.Nodes;

namespace KvmAgent.Contracts.Rest;

/// <summary>A machine to be made: of <see cref="Manifest"/>, <see cref="Template"/> or <see cref="TemplateName"/>, one of them.</summary>
public sealed record VmCreateRequest
{
    /// <summary>A VirtualMachine of <c>kubevirt.io/v1</c>.</summary>
    public JsonObject? Manifest { get; init; }

    /// <summary>A Template of <c>template.openshift.io/v1</c> with one VirtualMachine, or a VirtualMachine with <c>${NAME}</c> in its texts.</summary>
    public JsonObject? Template { get; init; }

    /// <summary>Of a Template in the cluster: <c>namespace/name</c>, or a name in the provider's namespace.</summary>
    public string? TemplateName { get; init; }

    /// <summary>The template's, by name; always as text, also what becomes a number by <c>${{NAME}}</c>.</summary>
    public IReadOnlyDictionary<string, string>? Parameters { get; init; }

    /// <summary>Of a machine that says none itself; without it the provider's.</summary>
    public string? Namespace { get; init; }

    /// <summary>The provider's name; without it the coordinator's own cluster.</summary>
    public string? Provider { get; init; }
}

/// <summary>Which template is meant; as in <see cref="VmCreateRequest"/>.</summary>
public sealed record TemplateRequest
{
    public JsonObject? Template { get; init; }

    public string? TemplateName { get; init; }

    /// <summary>The provider's name; without it the coordinator's own cluster.</summary>
    public string? Provider { get; init; }
}

/// <summary>What a template takes.</summary>
public sealed record TemplateParameterSummary
{
    public required string Name { get; init; }

    /// <summary>For people, as is the description.</summary>
    public string? DisplayName { get; init; }

    public string? Description { get; init; }

    /// <summary>What it is where nobody says; null: nothing.</summary>
    public string? Value { get; init; }

    /// <summary>Whether it must have a value.</summary>
    public bool Required { get; init; }

    /// <summary>Whether one is made up where there is none.</summary>
    public bool Generated { get; init; }
}

/// <param name="Parameters">In the template's order.</param>
public sealed record TemplateParameterList(IReadOnlyList<TemplateParameterSummary> Parameters, int Total, DateTimeOffset Timestamp);
