using System.Buffers;
using System.Text;

namespace KvmAgent.Qemu;

/// <summary>
/// Makes lines of what a serial console prints: each as a terminal would show it when the cursor leaves it, so that a progress bar
/// is its last state and not all of them. Escape sequences (ECMA-48) are taken out; those that move within the line or erase it are
/// obeyed, those that leave it end it. A newline ends everything, an unfinished sequence too, so that nothing hides the lines after it.
/// </summary>
internal sealed class ConsoleLines(Action<string> write)
{
    public const int LongestLine = 1024;
    private const int TabStop = 8;

    private enum State
    {
        Text,
        Escape,
        EscapeMore,
        Control,
        String,
        StringEscape,
    }

    private readonly Rune[] _row = new Rune[LongestLine];
    private readonly byte[] _carry = new byte[4];
    private int _carried;
    private int _column;
    private int _length;
    private State _state;
    private int _parameter;
    private string? _shown;

    /// <summary>Whether something stands on the line that has not been written.</summary>
    public bool HasPartial => _length > 0;

    public void Feed(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            if (_carried == 0 && bytes[0] < 0x80)
            {
                Put(new Rune(bytes[0]));
                bytes = bytes[1..];
            }
            else
            {
                bytes = bytes[Decode(bytes)..];
            }
        }
    }

    /// <summary>Writes the line as it stands, such as a prompt. It is written again when it ends, if it has changed by then.</summary>
    public void Flush()
    {
        var text = Row();
        if (text.Length > 0 && text != _shown)
        {
            write(text);
        }

        _shown = text;
    }

    /// <summary>Writes the line and begins another.</summary>
    public void EndLine()
    {
        Flush();
        Reset();
    }

    /// <summary>Forgets the line.</summary>
    public void Reset()
    {
        (_carried, _column, _length, _state, _shown) = (0, 0, 0, State.Text, null);
    }

    /// <returns>How many bytes were used.</returns>
    private int Decode(ReadOnlySpan<byte> bytes)
    {
        var before = _carried;
        var taken = Math.Min(_carry.Length - before, bytes.Length);
        bytes[..taken].CopyTo(_carry.AsSpan(before));
        if (Rune.DecodeFromUtf8(_carry.AsSpan(0, before + taken), out var rune, out var used) == OperationStatus.NeedMoreData)
        {
            _carried += taken;
            return taken;
        }

        // What was carried is the valid beginning of one character, so at least all of that has been used.
        _carried = 0;
        Put(rune);
        return used - before;
    }

    private void Put(Rune rune)
    {
        var c = rune.Value;
        switch (_state)
        {
            case var _ when c is '\n' or '\v' or '\f':
                EndLine();
                break;
            case State.String when c is not '\e':
                _state = c is '\a' or 0x18 or 0x1a ? State.Text : State.String;
                break;
            case State.String:
                _state = State.StringEscape;
                break;
            case State.StringEscape when c is '\\':
                _state = State.Text;
                break;
            case var _ when c is '\e':
                _state = State.Escape;
                break;
            case State.Escape or State.StringEscape:
                Escape(c);
                break;
            case State.EscapeMore:
                _state = c is >= ' ' and <= '/' ? State.EscapeMore : State.Text;
                break;
            case State.Control:
                Control(c);
                break;
            default:
                Text(rune);
                break;
        }
    }

    private void Escape(int c)
    {
        _parameter = 0;
        _state = c switch
        {
            '[' => State.Control,
            ']' or 'P' or 'X' or '^' or '_' => State.String,
            >= ' ' and <= '/' => State.EscapeMore,
            _ => State.Text,
        };
    }

    private void Control(int c)
    {
        if (c is >= '0' and <= '9')
        {
            _parameter = Math.Min((10 * _parameter) + c - '0', LongestLine);
        }
        else if (c is >= '@' and <= '~' or 0x18 or 0x1a)
        {
            _state = State.Text;
            Obey(c);
        }
    }

    private void Obey(int final)
    {
        switch (final)
        {
            case 'C':
                _column = Math.Min(_column + Math.Max(_parameter, 1), LongestLine);
                break;
            case 'D':
                _column = Math.Max(_column - Math.Max(_parameter, 1), 0);
                break;
            case 'G':
                _column = Math.Max(_parameter - 1, 0);
                break;
            case 'K' or 'J' when _parameter == 0:
                _length = Math.Min(_length, _column);
                break;
            case 'K' when _parameter == 1:
                _row.AsSpan(0, Math.Min(_length, _column + 1)).Fill(new Rune(' '));
                break;
            case 'K':
                _length = 0;
                break;
            case 'A' or 'B' or 'E' or 'F' or 'H' or 'J' or 'd' or 'f':
                EndLine();
                break;
        }
    }

    private void Text(Rune rune)
    {
        switch (rune.Value)
        {
            case '\r':
                _column = 0;
                break;
            case '\b':
                _column = Math.Max(_column - 1, 0);
                break;
            case '\t':
                _column = Math.Min(_column + TabStop - (_column % TabStop), LongestLine);
                break;
            default:
                Print(rune);
                break;
        }
    }

    private void Print(Rune rune)
    {
        if (_column == LongestLine || !ConsoleText.IsPrintable(rune))
        {
            return;
        }

        if (_column > _length)
        {
            _row.AsSpan(_length, _column - _length).Fill(new Rune(' '));
        }

        _row[_column++] = rune;
        _length = Math.Max(_length, _column);
    }

    private string Row()
    {
        Span<char> text = stackalloc char[2 * LongestLine];
        var length = 0;
        foreach (var rune in _row.AsSpan(0, _length))
        {
            length += rune.EncodeToUtf16(text[length..]);
        }

        return text[..length].TrimEnd().ToString();
    }
}
