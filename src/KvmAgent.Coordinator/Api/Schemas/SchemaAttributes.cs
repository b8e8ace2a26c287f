namespace KvmAgent.Coordinator.Api.Schemas;

/// <summary>Told by <c>kubectl explain</c>.</summary>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Property)]
internal sealed class DescriptionAttribute(string text) : Attribute
{
    public string Text => text;
}

/// <summary>What a webhook would check: a rule in CEL, and what is said where it does not hold.</summary>
[AttributeUsage(AttributeTargets.Class, AllowMultiple = true)]
internal sealed class RuleAttribute(string rule, string message) : Attribute
{
    public string Rule => rule;

    public string Message => message;
}

/// <summary>The only values there are.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class OneOfAttribute(params string[] values) : Attribute
{
    public IReadOnlyList<string> Values => values;
}

[AttributeUsage(AttributeTargets.Property)]
internal sealed class PatternAttribute(string pattern) : Attribute
{
    public string Pattern => pattern;
}

[AttributeUsage(AttributeTargets.Property)]
internal sealed class MinimumAttribute(long value) : Attribute
{
    public long Value => value;
}

[AttributeUsage(AttributeTargets.Property)]
internal sealed class MaximumAttribute(long value) : Attribute
{
    public long Value => value;
}

/// <summary>Also what keeps the estimated cost of CEL rules within the API server's budget.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class MaxItemsAttribute(int value) : Attribute
{
    public int Value => value;
}

[AttributeUsage(AttributeTargets.Property)]
internal sealed class MaxLengthAttribute(int value) : Attribute
{
    public int Value => value;
}
