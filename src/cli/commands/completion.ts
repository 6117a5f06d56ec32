import { Argument, type Command } from 'commander'
import { action } from '../action.ts'

const SCRIPTS = {
  bash: `_tenantry() {
  local IFS=$'\\n'
  COMPREPLY=($(tenantry __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _tenantry tenantry
`,
  zsh: `#compdef tenantry
_tenantry() {
  local -a found
  found=(\${(f)"$(tenantry __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)"})
  compadd -a found
}
compdef _tenantry tenantry
`,
  fish: `complete -c tenantry -f -a '(tenantry __complete (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)'
`,
} as const

export function define(completion: Command): void {
  completion
    .addArgument(new Argument('<shell>', 'which shell').choices(Object.keys(SCRIPTS)))
    .addHelpText(
      'after',
      `
  bash: echo 'source <(tenantry completion bash)' >> ~/.bashrc
  zsh:  tenantry completion zsh > "\${fpath[1]}/_tenantry"
  fish: tenantry completion fish > ~/.config/fish/completions/tenantry.fish`,
    )
    .action(action(async (cli, _options, shell) => cli.output.raw(SCRIPTS[shell as keyof typeof SCRIPTS])))
}
