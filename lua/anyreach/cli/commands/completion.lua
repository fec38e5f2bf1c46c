-- anyreach completion: prints a script that teaches a shell to complete our command line.

local arguments = require "anyreach.arguments"
local operations = require "anyreach.operations"

local spec = {
  usage = "anyreach completion bash|fish|zsh",
  summary = "Prints a completion script for a shell.",
  operands = { name = "bash, fish or zsh", min = 1, max = 1 },
  notes = [[
  bash:  anyreach completion bash > ~/.local/share/bash-completion/completions/anyreach
  fish:  anyreach completion fish > ~/.config/fish/completions/anyreach.fish
  zsh:   anyreach completion zsh > ~/.zfunc/_anyreach    (with fpath+=~/.zfunc before compinit)

The script knows commands, recipes, options, and the operations with their fields as they are now, those of
'anyreach api update' and --openapi included; print it anew after an update.]],
}

local HEADER = "# Completion of anyreach for %s; written by 'anyreach completion %s'.\n"

-- "=" breaks words in bash: --field=value comes as three.
local BASH = [=[
%s
_anyreach() {
  local current=${COMP_WORDS[COMP_CWORD]} word description words=()
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    [ "$word" = = ] || words+=("$word")
  done
  [ "$current" != = ] || current=
  COMPREPLY=()
  while IFS=$'\t' read -r word description; do
    if [ "$word" = :files ]; then
      compopt -o filenames 2>/dev/null
      while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -f -- "$current")
    elif [ "${word:0:${#current}}" = "$current" ]; then
      COMPREPLY+=("$word")
    fi
  done < <(_anyreach_candidates "${words[@]}" "$current")
}
complete -F _anyreach anyreach
]=]

local ZSH = [=[
%s
_anyreach() {
  local line tab=$'\t'
  local -a found files
  while IFS= read -r line; do
    if [[ $line == :files ]]; then
      files=(yes)
    elif [[ $line == *$tab* ]]; then
      found+=("${${line%%%%$tab*}//:/\\:}:${line#*$tab}")
    else
      found+=("${line//:/\\:}")
    fi
  done < <(_anyreach_candidates "${(@)words[2,CURRENT-1]}" "${words[CURRENT]}")
  _describe -t words anyreach found
  (( ${#files} )) || return 0
  [[ $PREFIX == --*=* ]] && compset -P '*='
  _files
}
if [[ $funcstack[1] == _anyreach ]]; then _anyreach "$@"; else compdef _anyreach anyreach; fi
]=]

local FISH = [=[
set -g __anyreach_script '%s'
function __anyreach_complete
    set -l before (commandline -opc)
    set -e before[1]
    set -l current (commandline -ct)
    for line in (printf '%%s' $__anyreach_script | sh -s -- $before "$current")
        if test "$line" = :files
            __fish_complete_path "$current"
        else
            printf '%%s\n' "$line"
        end
    end
end
complete -c anyreach -f -a '(__anyreach_complete)'
]=]

local function fish_quoted(text)
  return (text:gsub("[\\']", "\\%0"))
end

local SHELLS = {
  bash = function(functions) return HEADER:format("bash", "bash") .. BASH:format(functions) end,
  zsh = function(functions) return "#compdef anyreach\n" .. HEADER:format("zsh", "zsh") .. ZSH:format(functions) end,
  fish = function(functions)
    local script = fish_quoted(functions .. '\n_anyreach_candidates "$@"\n')
    return HEADER:format("fish", "fish") .. FISH:format(script)
  end,
}

local function run(given)
  local write = SHELLS[given[1]]
  if not write then
    local near = operations.nearest(given[1], { "bash", "fish", "zsh" })
    arguments.fail(spec, "completion: unknown shell '%s'%s", given[1], near and ("; did you mean '%s'?"):format(near)
      or "")
  end
  io.stdout:write(write(require("anyreach.cli.completion").functions()))
end

return { spec = spec, run = run }
