import { mount } from 'svelte'
import './app.css'
import App from './view/App.svelte'
import { chosenLanguage, speak } from './words'

const target = document.getElementById('app')
if (!target) throw new Error('index.html has no element with the id app')
await speak(chosenLanguage())
mount(App, { target })
